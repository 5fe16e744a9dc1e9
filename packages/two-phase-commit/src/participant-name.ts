import { validatePath } from '@zk-recipes/core';
import * as z from 'zod/mini';

/** The name of a participant, or the id of a transaction: one part of a path, as ZooKeeper takes it. */
export const nameSchema: z.ZodMiniType<string> = z
  .string()
  .check(z.refine(isPathPart, "a name that can be a part of a path, without '/', control characters and surrogates"));

/** Whether a name can be one part of a path. */
export function isPathPart(name: string): boolean {
  if (name === '' || name.includes('/')) return false;
  try {
    validatePath(`/${name}`);
    return true;
  } catch {
    return false;
  }
}
