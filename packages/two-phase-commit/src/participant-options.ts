import type { LossPolicy } from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';
import type { Codec } from './codec.js';

/** Transaction as a participant sees it. */
export interface ParticipantTransaction<T> {
  /** Id, the same for all participants and all calls. A handler recognises finished work by this id. */
  readonly id: string;
  readonly payload: T;
  /** Name of the participant whose handler is called. */
  readonly participant: string;
  /** Names of all participants. */
  readonly participants: readonly string[];
  /**
   * Signal that aborts when further work is pointless. In every handler: another process may now be active in place of this process, or the
   * participant is being closed. In `prepare` also: the transaction is decided already.
   */
  readonly signal: AbortSignal;
}

/** Handlers of a participant. After a crash or a lost session, each handler may be called again for the same transaction. */
export interface ParticipantHandlers<T> {
  /**
   * Makes a durable promise: after the result `commit`, the participant must be able to commit and to abort, whatever happens. The result
   * `abort`, or an error, means that no participant commits. Called again after a crash before the vote was counted.
   */
  prepare(transaction: ParticipantTransaction<T>): Promise<'commit' | 'abort'> | 'commit' | 'abort';
  /** Commits the prepared work. If it throws, it is called again, after pauses that grow to some seconds. */
  commit(transaction: ParticipantTransaction<T>): Promise<void> | void;
  /** Undoes any prepared work; often there is none. If it throws, it is called again, as `commit` is. */
  abort(transaction: ParticipantTransaction<T>): Promise<void> | void;
  /**
   * Lists the ids of all transactions that the resource holds prepared for the participant. Optional: with this handler, the participant
   * reports prepared work whose transaction no longer exists.
   */
  prepared?(call: PreparedCall): Promise<readonly string[]> | readonly string[];
  /** Ends prepared work without a transaction, for `settleOrphan` and for the rule `orphans: 'abort'`. Must be idempotent; optional. */
  settle?(orphan: SettleCall): Promise<void> | void;
}

/** Argument of the handler `prepared`. */
export interface PreparedCall {
  /** Name of the participant. */
  readonly participant: string;
  readonly signal: AbortSignal;
}

/** Argument of the handler `settle`. */
export interface SettleCall extends PreparedCall {
  /** Id of the transaction, which no longer exists. */
  readonly id: string;
  readonly decision: 'committed' | 'aborted';
}

/** Options of `settleOrphan`: decision, operator and reason. */
export interface SettleOrphanOptions {
  /** Decision that the other participants have carried out. */
  readonly decision: 'committed' | 'aborted';
  readonly operator: string;
  readonly reason: string;
}

/** Options of a participant. */
export interface ParticipantOptions<T> {
  /** Codec of payloads; the same as that of the coordinators. Default: JSON. */
  readonly codec?: Codec<T> | undefined;
  /**
   * Largest number of `prepare` handlers that run at once, and separately of `commit` and `abort` handlers. Default 10; from 1.
   * Transactions that wait for their decision do not count.
   */
  readonly concurrency?: number | undefined;
  /** Condition under which the active process loses its place. Default `session`. */
  readonly lossPolicy?: LossPolicy | undefined;
  /**
   * Treatment of orphans: prepared work of the resource whose transaction was deleted manually. Default `keep`.
   *
   * - `keep` only reports them, because other participants may have committed.
   * - `abort` also aborts them. Use it only if operators delete a transaction's znodes only when it is to be aborted everywhere. The
   *   resource must have no other participant of the same name below another path.
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

/** Schema of a participant's options. */
export const participantSchema: z.ZodMiniType = z.strictObject({
  codec: z.optional(codec),
  concurrency: z.optional(z.int().check(z.minimum(1))),
  lossPolicy: z.optional(z.enum(['session', 'connection'])),
  orphans: z.optional(z.enum(['keep', 'abort'])),
});

/** Schema of the options of `settleOrphan`. */
export const settleSchema: z.ZodMiniType = z.strictObject({
  decision: z.enum(['committed', 'aborted']),
  operator: z.string().check(z.minLength(1)),
  reason: z.string().check(z.minLength(1)),
});

/** Schema of the options of `orphans`. */
export const orphansSchema: z.ZodMiniType = z.strictObject({ signal: z.optional(z.instanceof(AbortSignal)) });

/** Schema of a codec. */
export const codecSchema: z.ZodMiniType = codec;

/** Schema of the handlers of a participant. */
export const handlersSchema: z.ZodMiniType = z.custom(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    (['prepare', 'commit', 'abort'] as const).every(
      (name) => typeof (value as ParticipantHandlers<unknown>)[name] === 'function',
    ),
  'an object with the functions `prepare`, `commit` and `abort`',
);
