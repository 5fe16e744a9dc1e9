import { checkOptions } from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';

/** How to wait. */
export interface WaitOptions {
  /** Gives up: rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

const waitSchema = z.strictObject({ signal: z.optional(z.instanceof(AbortSignal)) });

/** @throws TypeError for what is none */
export function checkWait(where: string, options: unknown): void {
  checkOptions(where, waitSchema, options);
}
