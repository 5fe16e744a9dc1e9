import { type LossPolicy, z } from '@zk-recipes/core/recipe-kit';
import type { Codec } from './codec.js';

/** A transaction as a participant sees it. */
export interface ParticipantTransaction<T> {
  /** The same for all participants and all times: what was done is to be recognised by it. */
  readonly id: string;
  readonly payload: T;
  /** Name of the participant whose handler this is. */
  readonly participant: string;
  /** Names of all participants. */
  readonly participants: readonly string[];
  /**
   * Aborts when it makes no sense to go on: in `prepare`, because the transaction is decided already; always, because another process
   * may be active in the place of this one now, or since the participant is being closed.
   */
  readonly signal: AbortSignal;
}

/** What a participant does. Each of them may be called again for the same transaction, after a crash or a lost session. */
export interface ParticipantHandlers<T> {
  /**
   * Makes a durable promise: after `commit` it must be able to do either, whatever happens. `abort`, or an error, means that nobody
   * commits. Called again after a crash before the vote was counted.
   */
  prepare(transaction: ParticipantTransaction<T>): Promise<'commit' | 'abort'> | 'commit' | 'abort';
  /** Does what was prepared. When it throws it is called again, with pauses that grow to some seconds. */
  commit(transaction: ParticipantTransaction<T>): Promise<void> | void;
  /** Undoes what may have been prepared; often that is nothing. Like `commit` otherwise. */
  abort(transaction: ParticipantTransaction<T>): Promise<void> | void;
}

/** How a participant is made. */
export interface ParticipantOptions<T> {
  /** Must be that of the coordinators. Default: JSON. */
  readonly codec?: Codec<T> | undefined;
  /**
   * How many `prepare` run at once, 1 or more, and as many of `commit` and `abort` beside them; default 10. Transactions that wait for their
   * decision do not count.
   */
  readonly concurrency?: number | undefined;
  /** When the active process gives up its place; default `session`. */
  readonly lossPolicy?: LossPolicy | undefined;
}

const codec = z.custom<Codec<unknown>>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Codec<unknown>).encode === 'function' &&
    typeof (value as Codec<unknown>).decode === 'function',
  'Expected an object with the functions `encode` and `decode`',
);

/** What a participant's options must be. */
export const participantSchema: z.ZodType = z.strictObject({
  codec: codec.optional(),
  concurrency: z.int().min(1).optional(),
  lossPolicy: z.enum(['session', 'connection']).optional(),
});

/** What a codec must be. */
export const codecSchema: z.ZodType = codec;

/** What the handlers of a participant must be. */
export const handlersSchema: z.ZodType = z.custom(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    (['prepare', 'commit', 'abort'] as const).every(
      (name) => typeof (value as ParticipantHandlers<unknown>)[name] === 'function',
    ),
  'Expected an object with the functions `prepare`, `commit` and `abort`',
);
