import type { Keeper } from '@zk-recipes/core';
import { jsonCodec, PriorityQueue } from '@zk-recipes/queues';
import { z } from 'zod';

/** What there is to be made of an image: how wide, and how urgently. Somebody waits for thumbnails. */
export const COPIES: Readonly<Record<ImageJob['copy'], { readonly width: number; readonly priority: number }>> = {
  thumbnail: { width: 160, priority: 0 },
  archive: { width: 1_600, priority: 10 },
};

/** One copy to be made of one image. */
export interface ImageJob {
  readonly image: string;
  readonly copy: 'thumbnail' | 'archive';
}

const schema: z.ZodType<ImageJob> = z.object({
  // A name, never a path: whoever can write to the queue cannot have other files read or written by it.
  image: z.string().regex(/^[\w-]+(\.[\w-]+)*\.png$/, 'expected the name of a PNG file'),
  copy: z.enum(['thumbnail', 'archive']),
});

/** As many go into one transaction, whose size has a limit. */
const AT_ONCE = 1_000;

/** The queue of all that is to be done. */
export function imageJobs(keeper: Keeper): PriorityQueue<ImageJob> {
  return new PriorityQueue(keeper, '/image-jobs', { codec: jsonCodec(schema), maxAttempts: 3 });
}

/** Has all copies made of some images. */
export async function submit(jobs: PriorityQueue<ImageJob>, images: readonly string[]): Promise<void> {
  for (const copy of ['archive', 'thumbnail'] as const) {
    const { priority } = COPIES[copy];
    for (let from = 0; from < images.length; from += AT_ONCE) {
      const some = images.slice(from, from + AT_ONCE);
      await jobs.putAll(
        some.map((image) => ({ image, copy })),
        { priority },
      );
    }
  }
}
