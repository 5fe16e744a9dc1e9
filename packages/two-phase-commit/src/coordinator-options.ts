import * as z from 'zod/mini';
import type { Codec } from './codec.js';
import { nameSchema } from './participant-name.js';
import { codecSchema } from './participant-options.js';

/** Options of a coordinator. */
export interface CoordinatorOptions<T> {
  /** Codec of payloads; the same as that of the participants. Default: JSON. */
  readonly codec?: Codec<T> | undefined;
  /**
   * When the transactions of dead coordinators are settled. Default `background`.
   *
   * - `background`: from the first `run` or `recover` on, as soon as their sessions have expired, by one of all coordinators with this
   *   value.
   * - `manual`: by `recover()` only. Until then, participants that have voted to commit keep their prepared work, with its locks.
   */
  readonly recovery?: 'manual' | 'background' | undefined;
  /**
   * Time in milliseconds for which recovery keeps a finished transaction of a coordinator that is gone, so that its outcome can be read.
   * Default 3,600,000, which is one hour; from 0.
   */
  readonly retentionMs?: number | undefined;
  /**
   * Number of unfinished transactions of a participant from which on `run` rejects with a `BacklogError`. Default 20,000; from 1. By
   * default (`maxFrameBytes`) a list holds about 26,000 ids. The coordinator counts in the background, once a second.
   */
  readonly maxUnfinished?: number | undefined;
}

/** Options of `run`: the transaction, and how long to wait for it. */
export interface RunOptions<T> {
  readonly payload: T;
  /** Names of the participants: at least one name, each name once. */
  readonly participants: readonly string[];
  /** Longest time in milliseconds until all participants have voted; then the transaction is aborted. Default 30,000; from 1 to 2^31-1. */
  readonly timeoutMs?: number | undefined;
  /** Gives up when it aborts: the transaction is aborted, unless it is committed already. */
  readonly signal?: AbortSignal | undefined;
}

/** Result of a transaction. */
export interface Outcome {
  readonly id: string;
  readonly decision: 'committed' | 'aborted';
  /** Reason of the abort. */
  readonly reason?: string;
  /** Votes that were known at the decision. */
  readonly votes: Readonly<Record<string, 'commit' | 'abort'>>;
}

/** Result of a call of `recover`. */
export interface Recovery {
  /** Ids of the aborted transactions, whose coordinators are gone. */
  readonly aborted: readonly string[];
  /** Ids of the finished transactions that were removed. */
  readonly removed: readonly string[];
  /** Transactions that could not be settled, each with the reason: an unreadable record, or a refusal by the server. */
  readonly failed: readonly FailedTransaction[];
}

/** Transaction for which an operation failed. */
export interface FailedTransaction {
  readonly id: string;
  readonly error: Error;
}

/** Record that cannot be read: malformed, of an unknown version, missing, or refused by the server. */
export interface UnreadableRecord {
  readonly path: string;
  /** Reason why the record cannot be read. */
  readonly message: string;
}

/** Transaction that some participant has not finished, as shown to an operator. */
export interface PendingTransaction {
  readonly id: string;
  readonly participants: readonly string[];
  /** Age by the server's clock, in milliseconds. */
  readonly ageMs: number;
  readonly votes: Readonly<Record<string, 'commit' | 'abort'>>;
  /** `null` while the transaction is in doubt. */
  readonly decision: 'committed' | 'aborted' | null;
  readonly reason?: string;
  /** Author of the decision: `coordinator <uuid>`, `recovery <uuid>` or `operator <name>`. */
  readonly decidedBy?: string;
  /** Names of the participants that have not finished. */
  readonly unfinished: readonly string[];
  readonly isCoordinatorAlive: boolean;
  /** Last error and number of failures of each participant whose handlers have failed. */
  readonly troubles: Readonly<Record<string, { readonly message: string; readonly failures: number }>>;
  /**
   * Records of the transaction that cannot be read; usually none. If the transaction itself is unreadable, `participants` and `unfinished`
   * are empty and `isCoordinatorAlive` is false. If the decision is unreadable, `decision` is `null`. Foreign znodes among the transactions
   * are shown in the same way.
   */
  readonly unreadable: readonly UnreadableRecord[];
}

/** Operator and reason of a manual operation, for the audit record. */
export interface OperatorCall {
  readonly operator: string;
  readonly reason: string;
}

/** Options of `forget` for many transactions. */
export interface ForgetOptions extends OperatorCall {
  /** Name of a participant that never comes back. */
  readonly participant: string;
  /** Smallest age of a transaction by the server's clock, in milliseconds; from 0. */
  readonly olderThanMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Result of a call of `forget` for many transactions. */
export interface Forgotten {
  /** Ids of the transactions that no longer wait for the participant. */
  readonly forgotten: readonly string[];
  /** Transactions that still wait, each with the reason; usually that the transaction is not decided yet. */
  readonly failed: readonly FailedTransaction[];
}

/** Numbers of transactions and records. */
export interface Counts {
  readonly transactions: number;
  /** Number of unfinished transactions of each participant. */
  readonly unfinished: Readonly<Record<string, number>>;
  /** Number of records of manual operations, which are never removed automatically. */
  readonly auditRecords: number;
}

/** Options of `force`. */
export interface ForceOptions extends OperatorCall {
  /** Decision to make. `committed` still needs the votes of all participants. */
  readonly decision: 'committed' | 'aborted';
  /**
   * Whether an unreadable decision may be replaced. Default false. Participants may have finished by that decision, and a newer version of
   * this package may be able to read it. Look at their resources first, and make the same decision.
   */
  readonly replaceUnreadable?: boolean | undefined;
}

const signal = z.optional(z.instanceof(AbortSignal));
const operatorCall = { operator: z.string().check(z.minLength(1)), reason: z.string().check(z.minLength(1)) };

/** Schema of a coordinator's options. */
export const coordinatorSchema: z.ZodMiniType = z.strictObject({
  codec: z.optional(codecSchema),
  recovery: z.optional(z.enum(['manual', 'background'])),
  retentionMs: z.optional(z.number().check(z.minimum(0))),
  maxUnfinished: z.optional(z.number().check(z.minimum(1))),
});

/** Schema of the options of `run`. */
export const runSchema: z.ZodMiniType = z.strictObject({
  payload: z.unknown(),
  participants: z.array(nameSchema).check(
    z.minLength(1),
    z.refine((names) => new Set(names).size === names.length, 'an array that has each participant once'),
  ),
  timeoutMs: z.optional(z.int().check(z.minimum(1), z.maximum(2 ** 31 - 1))),
  signal,
});

/** Schema of the options of `recover`, `pending` and `counts`. */
export const callSchema: z.ZodMiniType = z.strictObject({ signal });

/** Schema of the options of `force`. */
export const forceSchema: z.ZodMiniType = z.strictObject({
  decision: z.enum(['committed', 'aborted']),
  replaceUnreadable: z.optional(z.boolean()),
  ...operatorCall,
});

/** Schema of the options of `forget` for one transaction. */
export const operatorSchema: z.ZodMiniType = z.strictObject(operatorCall);

/** Schema of the options of `forget` for many transactions. */
export const forgetSchema: z.ZodMiniType = z.strictObject({
  participant: nameSchema,
  olderThanMs: z.number().check(z.minimum(0)),
  signal,
  ...operatorCall,
});
