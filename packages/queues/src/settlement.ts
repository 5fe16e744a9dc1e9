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
 * How a claimed item is settled: each time by one transaction, which begins with the record in the version that the claim has written. If that
 * is refused somebody else has claimed the item since. If its reply is lost the record tells whether it was done.
 */

/** A claim stands no more, and nothing was done. */
export class ClaimGone extends Error {
  override readonly name = 'ClaimGone';
}

/** Whether the server, or this client, refuses a settlement: nothing was done, the claim stands, and another settlement may be permitted. */
export function isRefusal(error: unknown): boolean {
  return !(error instanceof ClaimGone || error instanceof ClosedError || isPassing(error));
}

/** The longest pause between two attempts of one settlement, in milliseconds. */
const LONGEST_PAUSE_MS = 1_000;

/** Number of operations that remove an item which is done. */
export const REMOVAL_SIZE = 3;

/** One transaction by which it may be done. */
interface Attempt {
  readonly transaction: Transaction;
  /** Which of its operations concern the record and the claim: if one of them is refused the claim is gone. */
  readonly ofClaim: readonly number[];
}

/** What to do instead when something is refused that concerns neither record nor claim; `null` to fail. */
type OnRefusal = (error: MultiError) => Attempt | null;

/** What the record says of a settlement whose reply was lost. @param found `null` if there is no record any more */
type Verdict = (found: FoundRecord | null) => 'done' | 'not done' | 'claim gone';

interface FoundRecord {
  /** Whether it is that of the claim which is to be settled. */
  readonly isOwn: boolean;
  /** Whether it was written since the claim was made. */
  readonly isNewer: boolean;
}

/** What removes the item removes its record. */
const wasRemoved: Verdict = (found) => (found === null ? 'done' : found.isOwn ? 'not done' : 'claim gone');

/** Who comes next may have claimed it already, or be done with it. */
const wasGivenBack: Verdict = (found) => (found?.isOwn ? 'not done' : 'done');

/** The claim goes on. */
const wasSplit: Verdict = (found) => (found?.isOwn ? (found.isNewer ? 'done' : 'not done') : 'claim gone');

/** How a claim is to be settled. */
interface Settling {
  readonly first: Attempt;
  readonly verdict: Verdict;
  /** Whether it may be settled already. */
  readonly inDoubt?: boolean;
}

/** How many parts of one znode are made znodes of their own at a time. */
const PARTS_AT_ONCE = 100;

/** Settles what was claimed, as long as the claim's session certainly lives. All of it rejects with `ClaimGone` if the claim is gone. */
export class Settlement {
  readonly #keeper: Keeper;
  readonly #lapse: AbortSignal;

  /** @param lapse aborts when the session of the claims may be over */
  constructor(keeper: Keeper, lapse: AbortSignal) {
    this.#keeper = keeper;
    this.#lapse = lapse;
  }

  /**
   * The item is done.
   *
   * @param inDoubt whether a transaction that removes it may have been executed already
   */
  async remove(claim: Claim, inDoubt = false): Promise<void> {
    const { item, version } = claim;
    const first = { transaction: this.removal(claim), ofClaim: [0, 2] };
    await this.#settle(claim, { first, verdict: wasRemoved, inDoubt }, ({ failedIndex }) => {
      if (failedIndex !== 1) return null;
      // Somebody who needs no claim was there first: then what remains goes.
      const remains = this.#keeper.transaction().delete(recordPath(item), { version }).delete(claimPath(item));
      return { transaction: remains, ofClaim: [0, 1] };
    });
  }

  /**
   * Begins a transaction by which an item is done, of `REMOVAL_SIZE` operations. The item goes before the claim, so that nobody who hears of one
   * and then of the other takes it for one that is to be had.
   */
  removal({ item, version }: Claim): Transaction {
    return this.#keeper
      .transaction()
      .delete(recordPath(item), { version })
      .delete(itemPath(item))
      .delete(claimPath(item));
  }

  /**
   * The item is to be handed out again: its znode stays as it is, and so do priority, due time and id.
   *
   * @param change what the record says from now on
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

  /** The item is to be handed out again, its record as the claim has written it: takes no room, and changes nothing but the claim. */
  async release(claim: Claim): Promise<void> {
    const { item, version } = claim;
    const transaction = this.#keeper.transaction().check(recordPath(item), version).delete(claimPath(item));
    await this.#settle(claim, { first: { transaction, ofClaim: [0, 1] }, verdict: () => 'not done' });
  }

  /** The item is put aside as it is, its record beside it. @param reason why */
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
    // Where numbers began anew, since the directory was made anew, there may be one of that name.
    await this.#settle(claim, { first: burial(item.name), verdict: wasRemoved }, ({ failedIndex, cause }) => {
      if (failedIndex <= 2 || !(cause instanceof NodeExistsError)) return null;
      copies += 1;
      return burial(splitName(item.name, copies));
    });
  }

  /**
   * Makes a znode of its own for each of the payloads of an item but the first, which stays where it is.
   *
   * @returns the claim as it is then
   */
  async split(claim: Claim, [first, ...others]: readonly [Uint8Array, ...Uint8Array[]]): Promise<Claim> {
    const { item, version, record } = claim;
    // The last part may be of several payloads itself, and is split when its turn comes.
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
          // Again, which lasts as long as the session does at most. The end of the session is met by the next attempt.
          inDoubt ||= isUnknown(error);
          if (failures > 0) await sleep(Math.min(LONGEST_PAUSE_MS, 5 * 2 ** failures), signal).catch(() => {});
          failures += 1;
        } else {
          if (error instanceof ClaimGone) {
            this.#clear(claim);
            throw error;
          }
          // It may have been sent, and executed; of that nobody is told any more.
          const isUntold = inDoubt || signal.aborted || error instanceof SessionExpiredError;
          throw isUntold ? unknown(item, error) : error;
        }
      }
    }
  }

  /**
   * Removes the claim in the background, if it stands: the record may have been damaged or removed by hand, so that it tells nothing of a claim
   * which would keep the item from all others for the rest of the session.
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
      // The record was changed in between: the next attempt looks again.
      const isConflict =
        cause instanceof NoNodeError || cause instanceof NodeExistsError || cause instanceof BadVersionError;
      if (isTold || isConflict || isPassing(cause)) return;
      isTold = true;
      this.#keeper.reportBackgroundError(cause, LEFT_BEHIND, claimPath(item));
    };
    // Only the end of the session, which may live longer than is certain, or of the `Keeper` makes it reject: the claim goes with that.
    withinSession(this.#keeper, claim.epoch, undefined, (signal) =>
      persevere(this.#keeper, clearing, { signal, onFailure }),
    ).catch(() => {});
  }

  async #isDone({ item, record, version }: Claim, verdict: Verdict): Promise<boolean> {
    const options = { signal: this.#lapse };
    const [, found] = await Promise.all([
      // It may have been sent to another server than the one that answers now.
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
