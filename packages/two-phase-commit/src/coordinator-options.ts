import * as z from 'zod/mini';
import type { Codec } from './codec.js';
import { nameSchema } from './participant-name.js';
import { codecSchema } from './participant-options.js';

/** How a coordinator is made. */
export interface CoordinatorOptions<T> {
  /** Must be that of the participants. Default: JSON. */
  readonly codec?: Codec<T> | undefined;
  /**
   * `background`, the default: from the first `run` or `recover` on, one of all coordinators that say so settles the transactions of those that
   * died, as soon as their sessions have expired. `manual`: by `recover()` only; until then, the participants that have voted to commit keep
   * what they prepared, with its locks.
   */
  readonly recovery?: 'manual' | 'background' | undefined;
  /**
   * How long, in milliseconds, a finished transaction of a coordinator that is gone is kept before recovery removes it, so that the outcome
   * can be read; 0 or more, default one hour.
   */
  readonly retentionMs?: number | undefined;
  /**
   * From how many unfinished transactions of a participant on `run` refuses further ones with a `BacklogError`; 1 or more, default 20,000.
   * Some 26,000 ids are all that a list may have by default (`maxFrameBytes`). Counted in the background, once a second.
   */
  readonly maxUnfinished?: number | undefined;
}

/** A transaction to be run. */
export interface RunOptions<T> {
  readonly payload: T;
  /** Who takes part: names, at least one, each once. */
  readonly participants: readonly string[];
  /** How long all of them may take to vote, in milliseconds, 1 to 2^31-1; default 30,000. Then it is aborted. */
  readonly timeoutMs?: number | undefined;
  /** Gives up: the transaction is aborted, unless it is committed already. */
  readonly signal?: AbortSignal | undefined;
}

/** How a transaction ended. */
export interface Outcome {
  readonly id: string;
  readonly decision: 'committed' | 'aborted';
  /** Why it was aborted. */
  readonly reason?: string;
  /** Votes that were known when it was decided. */
  readonly votes: Readonly<Record<string, 'commit' | 'abort'>>;
}

/** What a call of `recover` has done. */
export interface Recovery {
  /** Transactions of coordinators that are gone, which it aborted. */
  readonly aborted: readonly string[];
  /** Finished ones that it removed. */
  readonly removed: readonly string[];
  /** Those that could not be settled, each with the reason: a record that cannot be read, or what the server has refused. */
  readonly failed: readonly FailedTransaction[];
}

/** A transaction about which something could not be done. */
export interface FailedTransaction {
  readonly id: string;
  readonly error: Error;
}

/** A record that cannot be read: malformed, of an unknown version, missing, or refused by the server. */
export interface UnreadableRecord {
  readonly path: string;
  /** Why. */
  readonly message: string;
}

/** A transaction that is not finished by all, for an operator to see. */
export interface PendingTransaction {
  readonly id: string;
  readonly participants: readonly string[];
  /** How old it is by the server's clock, in milliseconds. */
  readonly ageMs: number;
  readonly votes: Readonly<Record<string, 'commit' | 'abort'>>;
  /** `null` while it is in doubt. */
  readonly decision: 'committed' | 'aborted' | null;
  readonly reason?: string;
  /** Who decided: `coordinator <uuid>`, `recovery <uuid>` or `operator <name>`. */
  readonly decidedBy?: string;
  /** Who has not finished. */
  readonly unfinished: readonly string[];
  readonly isCoordinatorAlive: boolean;
  /** Why participants have not finished, of those whose handlers have failed: the last error. */
  readonly troubles: Readonly<Record<string, { readonly message: string; readonly failures: number }>>;
  /**
   * Its records that cannot be read; mostly none. If the transaction itself is among them, `participants` and `unfinished` are empty and
   * `isCoordinatorAlive` is false; if it is the decision, `decision` is `null`. Foreign znodes among the transactions are shown so, too.
   */
  readonly unreadable: readonly UnreadableRecord[];
}

/** Who wants it and why: goes into the audit record. */
export interface OperatorCall {
  readonly operator: string;
  readonly reason: string;
}

/** Many transactions that a participant is to be taken for finished in. */
export interface ForgetOptions extends OperatorCall {
  /** Name of a participant that never comes back. */
  readonly participant: string;
  /** How old a transaction must be at least, by the server's clock, in milliseconds; 0 or more. */
  readonly olderThanMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a call of `forget` for many transactions has done. */
export interface Forgotten {
  /** Transactions that no longer wait for the participant. */
  readonly forgotten: readonly string[];
  /** Those that still do, each with the reason; mostly that it is not decided yet. */
  readonly failed: readonly FailedTransaction[];
}

/** How much there is. */
export interface Counts {
  readonly transactions: number;
  /** Transactions that each participant has not finished. */
  readonly unfinished: Readonly<Record<string, number>>;
  /** Records of what operators have done by hand, which nobody removes. */
  readonly auditRecords: number;
}

/** A decision by hand. */
export interface ForceOptions extends OperatorCall {
  /** `committed` needs the votes of all, as ever. */
  readonly decision: 'committed' | 'aborted';
  /**
   * Whether a decision that cannot be read may be replaced. Participants may have finished by it, and a newer version of this package may be
   * able to read it: look at their resources first, and decide as they did. Default false.
   */
  readonly replaceUnreadable?: boolean | undefined;
}

const signal = z.optional(z.instanceof(AbortSignal));
const operatorCall = { operator: z.string().check(z.minLength(1)), reason: z.string().check(z.minLength(1)) };

/** What a coordinator's options must be. */
export const coordinatorSchema: z.ZodMiniType = z.strictObject({
  codec: z.optional(codecSchema),
  recovery: z.optional(z.enum(['manual', 'background'])),
  retentionMs: z.optional(z.number().check(z.minimum(0))),
  maxUnfinished: z.optional(z.number().check(z.minimum(1))),
});

/** What the options of `run` must be. */
export const runSchema: z.ZodMiniType = z.strictObject({
  payload: z.unknown(),
  participants: z.array(nameSchema).check(
    z.minLength(1),
    z.refine((names) => new Set(names).size === names.length, 'an array that has each participant once'),
  ),
  timeoutMs: z.optional(z.int().check(z.minimum(1), z.maximum(2 ** 31 - 1))),
  signal,
});

/** What the options of `recover` and `pending` must be. */
export const callSchema: z.ZodMiniType = z.strictObject({ signal });

/** What the options of `force` must be. */
export const forceSchema: z.ZodMiniType = z.strictObject({
  decision: z.enum(['committed', 'aborted']),
  replaceUnreadable: z.optional(z.boolean()),
  ...operatorCall,
});

/** What the options of `forget` must be, for one transaction. */
export const operatorSchema: z.ZodMiniType = z.strictObject(operatorCall);

/** What the options of `forget` must be, for many transactions. */
export const forgetSchema: z.ZodMiniType = z.strictObject({
  participant: nameSchema,
  olderThanMs: z.number().check(z.minimum(0)),
  signal,
  ...operatorCall,
});
