import {
  BadVersionError,
  ConnectionLossError,
  type Keeper,
  KeeperError,
  MultiError,
  NodeExistsError,
  NoNodeError,
  SessionExpiredError,
  type Transaction,
} from '@zk-recipes/core';
import { childOf, orNull } from '@zk-recipes/core/recipe-kit';
import { type AttemptRecord, encodeRecord } from './attempt-record.js';
import { claimPath, type Item, itemPath, recordPath } from './backlog.js';
import { type Claim, isUnknown } from './claims.js';
import { frameItems } from './item-framing.js';
import { splitName } from './item-name.js';
import type { Store } from './places.js';

/*
 * How a claimed item is settled: each time by one transaction, which begins with the record in the version that the claim has written. If that
 * is refused somebody else has claimed the item since. If its reply is lost the record tells whether it was done, for in the claim's session
 * nobody else writes or removes it.
 */

/** A claim stands no more, and nothing was done. */
export class ClaimGone extends Error {
  override readonly name = 'ClaimGone';
}

/** What to do instead when something is refused that concerns neither record nor claim; `null` to fail. */
type OnRefusal = (error: MultiError) => Transaction | null;

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

  /** The item is done. */
  async remove(claim: Claim): Promise<void> {
    const { item, version } = claim;
    const done = this.#keeper.transaction().delete(recordPath(item), { version }).delete(claimPath(item));
    // Somebody who needs no claim may have been there first: then what remains goes.
    await this.#settle(claim, done.delete(itemPath(item)), ({ failedIndex }) => (failedIndex === 2 ? done : null));
  }

  /**
   * The item is to be handed out again: its znode stays as it is, and so do priority, due time and id.
   *
   * @param change what the record says from now on
   */
  async giveBack(claim: Claim, change: Partial<AttemptRecord>): Promise<void> {
    const { item, version, record } = claim;
    const given = encodeRecord({ ...record, ...change, claim: null });
    const transaction = this.#keeper.transaction().setData(recordPath(item), given, { version });
    await this.#settle(claim, transaction.delete(claimPath(item)));
  }

  /** The item is put aside as it is, its record beside it. @param reason why */
  async bury(claim: Claim, deadLetters: Store, reason: string): Promise<void> {
    const { item, version, record, data } = claim;
    const remains = encodeRecord({ ...record, reason, claim: null });
    const burial = (name: string): Transaction =>
      this.#keeper
        .transaction()
        .creatingParents()
        .delete(recordPath(item), { version })
        .delete(claimPath(item))
        .delete(itemPath(item))
        .create(childOf(deadLetters.items, name), data)
        .create(childOf(deadLetters.records, name), remains);
    let copies = 0;
    // Where numbers began anew, since the directory was made anew, there may be one of that name.
    await this.#settle(claim, burial(item.name), ({ failedIndex, cause }) => {
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
    await this.#settle(claim, transaction);
    return { ...claim, version: version + 1, data };
  }

  async #settle({ item, version }: Claim, first: Transaction, onRefusal: OnRefusal = () => null): Promise<void> {
    const signal = this.#lapse;
    let inDoubt = false;
    for (let transaction = first; ; ) {
      try {
        if (inDoubt && (await this.#isDone(item, version))) return;
        if (signal.aborted) throw new SessionExpiredError('the session of the claim is over');
        await transaction.commit({ signal });
        return;
      } catch (error) {
        if (error instanceof MultiError) {
          const next = refusedFor(error) === 'claim' ? gone(error) : onRefusal(error);
          if (next === null) throw error.cause instanceof KeeperError ? error.cause : error;
          transaction = next;
          inDoubt = false;
        } else if (signal.aborted || error instanceof SessionExpiredError) {
          // Whether it was sent, or is about to be executed, is told to nobody any more.
          if (inDoubt || !(error instanceof SessionExpiredError)) throw unknown(item, error);
          throw new ClaimGone('the session has expired', { cause: error });
        } else if (error instanceof ConnectionLossError) {
          // It lasts as long as the session does at most.
          inDoubt ||= isUnknown(error);
        } else throw error;
      }
    }
  }

  async #isDone(item: Item, version: number): Promise<boolean> {
    const options = { signal: this.#lapse };
    const [, found] = await Promise.all([
      // It may have been sent to another server than the one that answers now.
      this.#keeper.sync().forPath(recordPath(item), options),
      orNull(this.#keeper.getData().withStat().forPath(recordPath(item), options)),
    ]);
    return found === null || found.stat.version !== version;
  }
}

function refusedFor({ failedIndex, cause }: MultiError): 'claim' | 'other' {
  return failedIndex <= 1 && (cause instanceof NoNodeError || cause instanceof BadVersionError) ? 'claim' : 'other';
}

function gone(cause: MultiError): never {
  throw new ClaimGone('the claim is gone', { cause });
}

function unknown(item: Item, cause: unknown): ConnectionLossError {
  return new ConnectionLossError('settle', itemPath(item), 'unknown', cause);
}
