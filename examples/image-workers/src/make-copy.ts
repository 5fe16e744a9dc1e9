import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Delivery } from '@zk-recipes/queues';
import { COPIES, type ImageJob } from './image-jobs.js';
import { resizePng, UnreadableImageError } from './resize.js';

/** Where images are, and where their copies go: one folder for each kind. */
export interface Folders {
  readonly originals: string;
  readonly copies: string;
}

/**
 * Makes a copy. May be called again for one that was made, or is being made by a process that was taken for dead: both write the same
 * bytes under the same name, and it is there whole or not at all.
 *
 * @returns why there will never be one; `null` if it is made
 * @throws what the file system says, which may be different the next time; the reason of the delivery's signal
 */
export async function makeCopy(delivery: Delivery<ImageJob>, { originals, copies }: Folders): Promise<string | null> {
  const { value, signal, fencingToken } = delivery;
  const { image, copy } = value;
  const original = await readFile(join(originals, image), { signal });
  let resized: Buffer;
  try {
    resized = resizePng(original, COPIES[copy].width);
  } catch (error) {
    if (error instanceof UnreadableImageError) return error.message;
    throw error;
  }
  const folder = join(copies, copy);
  await mkdir(folder, { recursive: true });
  // No two attempts write to the same file, for each has a token of its own.
  const unfinished = join(folder, `.${image}.${fencingToken}`);
  await writeFile(unfinished, resized, { signal, flush: true });
  await rename(unfinished, join(folder, image));
  return null;
}
