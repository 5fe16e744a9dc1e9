import { validatePath } from '@zk-recipes/core';
import * as z from 'zod/mini';

/** Schema of the name of a participant and of the id of a transaction: one part of a path, as ZooKeeper accepts it. */
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
