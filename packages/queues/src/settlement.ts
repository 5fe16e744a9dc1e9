import {
  BadVersionError,
  ClosedError,
  ConnectionLossError,
  type Keeper,
  KeeperError,
  MultiError,
  NodeExistsError,
  NoNodeError,
  SessionExpiredError,
  type Transaction,
} from '@zk-recipes/core';
import {
  childOf,
  isPassing,
  isUnknown,
  LEFT_BEHIND,
  orNull,
  persevere,
  sleep,
  withinSession,
} from '@zk-recipes/core/recipe-kit';
import { type AttemptRecord, decodeRecord, encodeRecord } from './attempt-record.js';
import { claimPath, type Item, itemPath, recordPath } from './backlog.js';
import type { Claim } from './claims.js';
import { frameItems } from './item-framing.js';
import { splitName } from './item-name.js';
import type { Store } from './places.js';

/*
 * Settlement of a claimed item. Each settlement is one transaction, which begins with the record in the version that the claim has written. If the
 * server refuses that operation, another consumer has claimed the item since. After a lost reply the record tells whether the transaction was
 * executed.
 */

/** Error of a settlement whose claim no longer exists; nothing was changed. */
export class ClaimGone extends Error {
  override readonly name = 'ClaimGone';
}

/**
 * Whether the server or this client refused a settlement. Then nothing was changed, the claim exists, and another settlement may be
 * permitted.
 */
export function isRefusal(error: unknown): boolean {
  return !(error instanceof ClaimGone || error instanceof ClosedError || isPassing(error));
}

/** Longest pause between two attempts of a settlement, in milliseconds. */
const LONGEST_PAUSE_MS = 1_000;

/** Number of operations that remove an item that is done. */
export const REMOVAL_SIZE = 3;

/** Transaction that may settle a claim. */
interface Attempt {
  readonly transaction: Transaction;
  /** Indexes of its operations on the record and the claim: if one of them is refused, the claim is gone. */
  readonly ofClaim: readonly number[];
}

/** Returns another attempt after a refusal that concerns neither record nor claim; `null` to fail. */
type OnRefusal = (error: MultiError) => Attempt | null;

/** Interprets the record after a lost reply. @param found `null` if there is no record */
type Verdict = (found: FoundRecord | null) => 'done' | 'not done' | 'claim gone';

interface FoundRecord {
  /** Whether the record is that of the claim to be settled. */
  readonly isOwn: boolean;
  /** Whether the record was written since the claim was made. */
  readonly isNewer: boolean;
}

/** The transaction that removes the item also removes its record. */
const wasRemoved: Verdict = (found) => (found === null ? 'done' : found.isOwn ? 'not done' : 'claim gone');

/** The next consumer may have claimed the item already, or may have settled it. */
const wasGivenBack: Verdict = (found) => (found?.isOwn ? 'not done' : 'done');

/** The claim remains after a split. */
const wasSplit: Verdict = (found) => (found?.isOwn ? (found.isNewer ? 'done' : 'not done') : 'claim gone');

/** Options of a settlement. */
interface Settling {
  readonly first: Attempt;
  readonly verdict: Verdict;
  /** Whether the claim may be settled already. */
  readonly inDoubt?: boolean;
}

/** Largest number of payloads of one znode that are split off at a time. */
const PARTS_AT_ONCE = 100;

/** Settles claims while their session certainly lives. Every method rejects with `ClaimGone` if the claim is gone. */
export class Settlement {
  readonly #keeper: Keeper;
  readonly #lapse: AbortSignal;

  /** @param lapse aborts when the session of the claims may be over */
  constructor(keeper: Keeper, lapse: AbortSignal) {
    this.#keeper = keeper;
    this.#lapse = lapse;
  }

  /**
   * Removes an item that is done.
   *
   * @param inDoubt whether a transaction that removes it may have been executed already
   */
  async remove(claim: Claim, inDoubt = false): Promise<void> {
    const { item, version } = claim;
    const first = { transaction: this.removal(claim), ofClaim: [0, 2] };
    await this.#settle(claim, { first, verdict: wasRemoved, inDoubt }, ({ failedIndex }) => {
      if (failedIndex !== 1) return null;
      // A process without a claim has removed the item: then record and claim are removed.
      const remains = this.#keeper.transaction().delete(recordPath(item), { version }).delete(claimPath(item));
      return { transaction: remains, ofClaim: [0, 1] };
    });
  }

  /**
   * Begins a transaction that removes an item, with `REMOVAL_SIZE` operations. The item is deleted before the claim. Otherwise a consumer
   * that receives one event after the other would take the item for available.
   */
  removal({ item, version }: Claim): Transaction {
    return this.#keeper
      .transaction()
      .delete(recordPath(item), { version })
      .delete(itemPath(item))
      .delete(claimPath(item));
  }

  /**
   * Releases an item, to be handed out again. Its znode stays unchanged, with priority, due time and id.
   *
   * @param change change of the record
   */
  async giveBack(claim: Claim, change: Partial<AttemptRecord>): Promise<void> {
    const { item, version, record } = claim;
    const given = encodeRecord({ ...record, ...change, claim: null });
    const transaction = this.#keeper
      .transaction()
      .setData(recordPath(item), given, { version })
      .delete(claimPath(item));
    await this.#settle(claim, { first: { transaction, ofClaim: [0, 1] }, verdict: wasGivenBack });
  }

  /** Releases an item and leaves the record as the claim has written it. This changes only the claim, and takes no additional space. */
  async release(claim: Claim): Promise<void> {
    const { item, version } = claim;
    const transaction = this.#keeper.transaction().check(recordPath(item), version).delete(claimPath(item));
    await this.#settle(claim, { first: { transaction, ofClaim: [0, 1] }, verdict: () => 'not done' });
  }

  /** Makes an item a dead letter, with its data unchanged and its record. @param reason reason of the rejection */
  async bury(claim: Claim, deadLetters: Store, reason: string): Promise<void> {
    const { item, version, record, data } = claim;
    const remains = encodeRecord({ ...record, reason, claim: null });
    const burial = (name: string): Attempt => ({
      transaction: this.#keeper
        .transaction()
        .creatingParents()
        .delete(recordPath(item), { version })
        .delete(itemPath(item))
        .delete(claimPath(item))
        .create(childOf(deadLetters.items, name), data)
        .create(childOf(deadLetters.records, name), remains),
      ofClaim: [0, 2],
    });
    let copies = 0;
    // If the directory was created again, numbers started again, and there may be a dead letter of that name.
    await this.#settle(claim, { first: burial(item.name), verdict: wasRemoved }, ({ failedIndex, cause }) => {
      if (failedIndex <= 2 || !(cause instanceof NodeExistsError)) return null;
      copies += 1;
      return burial(splitName(item.name, copies));
    });
  }

  /**
   * Creates a znode for each payload of an item but the first, which stays where it is.
   *
   * @returns the claim after the change
   */
  async split(claim: Claim, [first, ...others]: readonly [Uint8Array, ...Uint8Array[]]): Promise<Claim> {
    const { item, version, record } = claim;
    // The last part may contain several payloads; a consumer splits it when it claims that part.
    const parts = others.slice(0, PARTS_AT_ONCE - 1).map((payload) => [payload]);
    if (others.length >= PARTS_AT_ONCE) parts.push(others.slice(PARTS_AT_ONCE - 1));
    const data = frameItems([first]);
    const transaction = parts.reduce(
      (all, part, index) => all.create(itemPath({ ...item, name: splitName(item.name, index + 1) }), frameItems(part)),
      this.#keeper
        .transaction()
        .setData(recordPath(item), encodeRecord(record), { version })
        .check(claimPath(item))
        .setData(itemPath(item), data),
    );
    await this.#settle(claim, { first: { transaction, ofClaim: [0, 1] }, verdict: wasSplit });
    return { ...claim, version: version + 1, data };
  }

  async #settle(
    claim: Claim,
    { first, verdict, inDoubt: wasInDoubt = false }: Settling,
    onRefusal: OnRefusal = () => null,
  ): Promise<void> {
    const { item } = claim;
    const signal = this.#lapse;
    let inDoubt = wasInDoubt;
    let failures = 0;
    for (let attempt = first; ; ) {
      try {
        if (inDoubt && (await this.#isDone(claim, verdict))) {
          if (verdict === wasGivenBack) this.#clear(claim);
          return;
        }
        if (signal.aborted && !inDoubt) throw new ClaimGone('the session may be over');
        await attempt.transaction.commit({ signal });
        return;
      } catch (error) {
        if (error instanceof MultiError) {
          if (isClaimGone(error, attempt)) {
            this.#clear(claim);
            throw new ClaimGone('the claim is gone', { cause: error });
          }
          const next = onRefusal(error);
          if (next === null) throw error.cause instanceof KeeperError ? error.cause : error;
          attempt = next;
          inDoubt = false;
        } else if (isPassing(error) && !(error instanceof SessionExpiredError) && !signal.aborted) {
          // Repeated at most as long as the session lives. The next attempt detects the end of the session.
          inDoubt ||= isUnknown(error);
          if (failures > 0) await sleep(Math.min(LONGEST_PAUSE_MS, 5 * 2 ** failures), signal).catch(() => {});
          failures += 1;
        } else {
          if (error instanceof ClaimGone) {
            this.#clear(claim);
            throw error;
          }
          // The transaction may have been sent and executed; no reply will tell.
          const isUntold = inDoubt || signal.aborted || error instanceof SessionExpiredError;
          throw isUntold ? unknown(item, error) : error;
        }
      }
    }
  }

  /**
   * Removes an existing claim in the background. The record may have been damaged or removed by hand, so it no longer tells of the claim.
   * Such a claim would keep the item from all consumers for the rest of the session.
   */
  #clear(claim: Claim): void {
    const { item, czxid } = claim;
    const clearing = async (): Promise<void> => {
      const [stat, record] = await Promise.all([
        this.#keeper.exists().forPath(claimPath(item)),
        this.#keeper.exists().forPath(recordPath(item)),
      ]);
      if (stat?.czxid !== czxid) return;
      // Another claim of this item would change the record.
      const unchanged =
        record === null
          ? this.#keeper.transaction().create(recordPath(item), null).delete(recordPath(item))
          : this.#keeper.transaction().check(recordPath(item), record.version);
      await unchanged.delete(claimPath(item)).commit();
    };
    let isTold = false;
    const onFailure = (error: unknown): void => {
      const cause = error instanceof MultiError ? error.cause : error;
      // The record was changed in between: the next attempt reads it again.
      const isConflict =
        cause instanceof NoNodeError || cause instanceof NodeExistsError || cause instanceof BadVersionError;
      if (isTold || isConflict || isPassing(cause)) return;
      isTold = true;
      this.#keeper.reportBackgroundError(cause, LEFT_BEHIND, claimPath(item));
    };
    // It rejects only at the end of the session, which may live longer than its clock guarantees, or of the `Keeper`; the claim ends with
    // the session.
    withinSession(this.#keeper, claim.epoch, undefined, (signal) =>
      persevere(this.#keeper, clearing, { signal, onFailure }),
    ).catch(() => {});
  }

  async #isDone({ item, record, version }: Claim, verdict: Verdict): Promise<boolean> {
    const options = { signal: this.#lapse };
    const [, found] = await Promise.all([
      // The server that answers now may be behind the server that received the transaction.
      this.#keeper.sync().forPath(recordPath(item), options),
      orNull(this.#keeper.getData().withStat().forPath(recordPath(item), options)),
    ]);
    const judged = verdict(
      found && { isOwn: decodeRecord(found.data).claim === record.claim, isNewer: found.stat.version !== version },
    );
    if (judged === 'claim gone') throw new ClaimGone('the claim is gone');
    return judged === 'done';
  }
}

function isClaimGone({ failedIndex, cause }: MultiError, { ofClaim }: Attempt): boolean {
  return ofClaim.includes(failedIndex) && (cause instanceof NoNodeError || cause instanceof BadVersionError);
}

function unknown(item: Item, cause: unknown): ConnectionLossError {
  return new ConnectionLossError('settle', itemPath(item), 'unknown', cause);
}
