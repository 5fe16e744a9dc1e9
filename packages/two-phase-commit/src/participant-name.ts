import { validatePath } from '@zk-recipes/core';
import { messageOf, z } from '@zk-recipes/core/recipe-kit';

/** The name of a participant, or the id of a transaction: one part of a path, as ZooKeeper takes it. */
export const nameSchema: z.ZodType<string> = z.string().refine(isPathPart, {
  error: ({ input }) =>
    `Expected a name that can be a part of a path, without '/', control characters and surrogates, got ${JSON.stringify(input) ?? messageOf(input)}`,
});

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
