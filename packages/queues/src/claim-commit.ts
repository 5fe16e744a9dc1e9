import { BadVersionError, type Keeper, MultiError, NoNodeError, SessionExpiredError } from '@zk-recipes/core';
import { isPassing, isUnknown, orNull, sleep, withinSession } from '@zk-recipes/core/recipe-kit';
import { type AttemptRecord, decodeRecord, encodeRecord } from './attempt-record.js';
import { claimPath, type Item, recordPath } from './backlog.js';
import { type ClaimAttempt, type ClaimTransaction, type Refused, whyNot } from './claim-attempt.js';

/** Zxid of the claim of each item of a transaction; `null` for an item whose claim no longer exists. */
export type Committed = readonly (bigint | null)[];

/** Longest pause between two attempts of a request, in milliseconds. */
const LONGEST_PAUSE_MS = 1_000;

/** Commits transactions of one session that claim items, and finds out their outcome also after a lost reply. */
export class ClaimCommit {
  readonly #keeper: Keeper;
  readonly #epoch: number;

  /** Creates a committer for the current session. */
  constructor(keeper: Keeper) {
    this.#keeper = keeper;
    this.#epoch = keeper.sessionEpoch;
  }

  /**
   * Commits a transaction until its outcome is known.
   *
   * @throws the errors of a transaction; SessionExpiredError: then nothing is claimed
   */
  async untilKnown(claiming: ClaimTransaction): Promise<Committed | Refused> {
    for (;;) {
      let isOver: unknown = null;
      try {
        const czxid = await this.once(claiming);
        if (czxid !== null) return claiming.attempts.map(() => czxid);
      } catch (error) {
        if (error instanceof MultiError) return whyNot(error, claiming);
        if (!isUnknown(error) && !(error instanceof SessionExpiredError)) throw error;
        if (error instanceof SessionExpiredError) isOver = error;
      }
      const found = await Promise.allSettled(claiming.attempts.map((attempt) => this.find(attempt)));
      const czxids = found.map((one) => (one.status === 'fulfilled' ? one.value : null));
      const known = czxids.find((czxid) => czxid !== null);
      if (known !== undefined) {
        // One transaction made all claims. An item that cannot be read counts as claimed until a later read says otherwise.
        const isHidden = (one: PromiseSettledResult<unknown>): boolean =>
          one.status === 'rejected' && !(one.reason instanceof SessionExpiredError);
        return czxids.map((czxid, index) => (isHidden(found[index] as PromiseSettledResult<unknown>) ? known : czxid));
      }
      const failure = found.find((one) => one.status === 'rejected');
      if (failure !== undefined) throw failure.reason;
      if (isOver !== null) throw isOver;
    }
  }

  /**
   * Commits a transaction in the session for which this object was made, and in no later session.
   *
   * @returns the zxid of the transaction that created the claims; `null` if the transaction's session may be earlier than the current one
   * @throws the errors of a transaction; SessionExpiredError, which does not tell whether the transaction was executed
   */
  async once({ transaction, attempts }: ClaimTransaction): Promise<bigint | null> {
    const epoch = this.#epoch;
    const written = await withinSession(this.#keeper, epoch, undefined, async (signal) => {
      return (await transaction.commit({ signal }))[attempts[0]?.recordIndex as number];
    });
    return written?.type === 'setData' && epoch === this.#keeper.sessionEpoch ? written.stat.mzxid : null;
  }

  /**
   * Returns the zxid of the claim if the claim or its record tells that the item was claimed; `null` otherwise. If the session of the claim
   * has expired, the attempt is taken back, because no work has begun.
   *
   * @throws SessionExpiredError in that case
   */
  async find({ item, record, attemptsBefore }: ClaimAttempt): Promise<bigint | null> {
    const [, found, claim] = await this.insist(() =>
      Promise.all([
        // The server that answers now may be behind the server that received the transaction.
        this.#keeper.sync().forPath(recordPath(item)),
        orNull(this.#keeper.getData().withStat().forPath(recordPath(item))),
        orNull(this.#keeper.getData().withStat().forPath(claimPath(item))),
      ]),
    );
    // The claim decides, also if the record was damaged since: only the owner of the claim can release it.
    const isOwn = claim?.stat.ephemeralOwner === this.#keeper.sessionId && `${claim.data}` === record.claim;
    if (isOwn) return claim.stat.czxid;
    if (found === null || decodeRecord(found.data).claim !== record.claim) return null;
    // A claim of an earlier session is gone, or about to go.
    await this.uncount(item, { ...record, attempts: attemptsBefore }, found.stat.version);
    throw new SessionExpiredError(`${claimPath(item)} is of a session that has expired`);
  }

  /**
   * Repeats requests as long as a reply is possible: no other consumer can have an item that this session has claimed, or may have claimed.
   */
  async insist<A>(ask: () => Promise<A>): Promise<A> {
    const epoch = this.#keeper.sessionEpoch;
    for (let failures = 0; ; failures++) {
      try {
        return await ask();
      } catch (error) {
        const isOver = this.#keeper.closed || this.#keeper.sessionEpoch !== epoch;
        if (!isPassing(error) || isOver) throw error;
        if (failures > 0) await sleep(Math.min(LONGEST_PAUSE_MS, 5 * 2 ** failures));
      }
    }
  }

  /** Restores the record's values from before a claim, as long as no other consumer has claimed the item. */
  async uncount(item: Item, record: AttemptRecord, version: number): Promise<void> {
    const data = encodeRecord({ ...record, claim: null });
    for (let failures = 0; ; failures++) {
      try {
        await this.#keeper.setData().withVersion(version).forPath(recordPath(item), data);
        return;
      } catch (error) {
        // Another consumer has claimed the item since, or the item is done, or the write succeeded and its reply was lost.
        if (error instanceof NoNodeError || error instanceof BadVersionError || this.#keeper.closed) return;
        if (isPassing(error)) {
          if (failures > 0) await sleep(Math.min(LONGEST_PAUSE_MS, 5 * 2 ** failures));
          continue;
        }
        this.#keeper.reportBackgroundError(error, 'taking back an attempt', recordPath(item));
        return;
      }
    }
  }
}

/** Whether an outcome tells when the items were claimed, rather than why they were not. */
export function isCommitted(outcome: Committed | Refused): outcome is Committed {
  return Array.isArray(outcome);
}
