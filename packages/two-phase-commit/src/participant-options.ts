import type { LossPolicy } from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';
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
  /**
   * Lists the ids of all transactions that the resource holds prepared for the participant; optional. With it, the participant tells of those
   * that no transaction stands for any more.
   */
  prepared?(call: PreparedCall): Promise<readonly string[]> | readonly string[];
  /** Ends what is held prepared, without a transaction: by `settleOrphan`, and by the rule `orphans: 'abort'`. Idempotent; optional. */
  settle?(orphan: SettleCall): Promise<void> | void;
}

/** A question of a participant to its resource. */
export interface PreparedCall {
  /** Name of the participant. */
  readonly participant: string;
  readonly signal: AbortSignal;
}

/** An order of a participant to its resource. */
export interface SettleCall extends PreparedCall {
  /** Id of the transaction, which is not there any more. */
  readonly id: string;
  readonly decision: 'committed' | 'aborted';
}

/** How an orphan is to end, who wants it, and why. */
export interface SettleOrphanOptions {
  /** As the other participants have decided it. */
  readonly decision: 'committed' | 'aborted';
  readonly operator: string;
  readonly reason: string;
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
  /**
   * What becomes of what the resource holds prepared if no transaction stands for it any more, since somebody has deleted its znodes. `keep`
   * only tells, since others may have committed it. `abort` aborts it as well: only where no znode is deleted by hand unless the transaction is
   * to be aborted everywhere, and where the resource has no other participant of the same name, below another path. Default `keep`.
   */
  readonly orphans?: 'keep' | 'abort' | undefined;
}

const codec = z.custom<Codec<unknown>>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Codec<unknown>).encode === 'function' &&
    typeof (value as Codec<unknown>).decode === 'function',
  'an object with the functions `encode` and `decode`',
);

/** What a participant's options must be. */
export const participantSchema: z.ZodMiniType = z.strictObject({
  codec: z.optional(codec),
  concurrency: z.optional(z.int().check(z.minimum(1))),
  lossPolicy: z.optional(z.enum(['session', 'connection'])),
  orphans: z.optional(z.enum(['keep', 'abort'])),
});

/** What the options of `settleOrphan` must be. */
export const settleSchema: z.ZodMiniType = z.strictObject({
  decision: z.enum(['committed', 'aborted']),
  operator: z.string().check(z.minLength(1)),
  reason: z.string().check(z.minLength(1)),
});

/** What the options of `orphans` must be. */
export const orphansSchema: z.ZodMiniType = z.strictObject({ signal: z.optional(z.instanceof(AbortSignal)) });

/** What a codec must be. */
export const codecSchema: z.ZodMiniType = codec;

/** What the handlers of a participant must be. */
export const handlersSchema: z.ZodMiniType = z.custom(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    (['prepare', 'commit', 'abort'] as const).every(
      (name) => typeof (value as ParticipantHandlers<unknown>)[name] === 'function',
    ),
  'an object with the functions `prepare`, `commit` and `abort`',
);
