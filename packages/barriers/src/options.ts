import { checkOptions } from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';

/** Options of a wait. */
export interface WaitOptions {
  /** Cancels the call when it aborts: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const waitSchema = z.strictObject({ signal: z.optional(z.instanceof(AbortSignal)) });

/** @throws {TypeError} when the options are wrong */
export function checkWait(where: string, options: unknown): void {
  checkOptions(where, waitSchema, options);
}
