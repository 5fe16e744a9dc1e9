import { checkOptions, z } from '@zk-recipes/core/recipe-kit';

/** How to wait. */
export interface WaitOptions {
  /** Gives up: rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

const waitSchema = z.strictObject({ signal: z.instanceof(AbortSignal).optional() });

/** @throws TypeError for what is none */
export function checkWait(where: string, options: unknown): void {
  checkOptions(where, waitSchema, options);
}
