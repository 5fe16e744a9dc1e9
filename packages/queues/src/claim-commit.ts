import { BadVersionError, type Keeper, MultiError, NoNodeError, SessionExpiredError } from '@zk-recipes/core';
import { isPassing, isUnknown, orNull, sleep, withinSession } from '@zk-recipes/core/recipe-kit';
import { type AttemptRecord, decodeRecord, encodeRecord } from './attempt-record.js';
import { claimPath, type Item, recordPath } from './backlog.js';
import { type ClaimAttempt, type ClaimTransaction, type Refused, whyNot } from './claim-attempt.js';

/** When each of the items of one transaction was claimed; `null` for one that was and is not any more. */
export type Committed = readonly (bigint | null)[];

/** The longest pause between two attempts of one request, in milliseconds. */
const LONGEST_PAUSE_MS = 1_000;

/** Commits transactions of one session that claim items, and tells what came of them, whatever reply is lost. */
export class ClaimCommit {
  readonly #keeper: Keeper;
  readonly #epoch: number;

  /** For the session of now. */
  constructor(keeper: Keeper) {
    this.#keeper = keeper;
    this.#epoch = keeper.sessionEpoch;
  }

  /**
   * Commits it until it is known what came of it.
   *
   * @throws what a transaction throws; SessionExpiredError: then nothing is claimed
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
        // All were claimed by the same transaction. Which of them cannot be looked for is claimed as long as nothing else is heard.
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
   * Commits it in the session for which this was made, and in no later one.
   *
   * @returns the zxid of the transaction, by which the claims were created; `null` if its session may have been an earlier one than that of now
   * @throws what a transaction throws; SessionExpiredError, which does not say whether it was executed
   */
  async once({ transaction, attempts }: ClaimTransaction): Promise<bigint | null> {
    const epoch = this.#epoch;
    const written = await withinSession(this.#keeper, epoch, undefined, async (signal) => {
      return (await transaction.commit({ signal }))[attempts[0]?.recordIndex as number];
    });
    return written?.type === 'setData' && epoch === this.#keeper.sessionEpoch ? written.stat.mzxid : null;
  }

  /**
   * When the item was claimed, if the claim or its record says that it was; `null` if it was not. If the session has not outlived that, the attempt is
   * taken back, since nobody has begun to work.
   *
   * @throws SessionExpiredError in that case
   */
  async find({ item, record, attemptsBefore }: ClaimAttempt): Promise<bigint | null> {
    const [, found, claim] = await this.insist(() =>
      Promise.all([
        // The transaction may have been sent to another server than the one that answers now.
        this.#keeper.sync().forPath(recordPath(item)),
        orNull(this.#keeper.getData().withStat().forPath(recordPath(item))),
        orNull(this.#keeper.getData().withStat().forPath(claimPath(item))),
      ]),
    );
    // Also if the record was damaged since: who has the claim is the one to give it back.
    const isOwn = claim?.stat.ephemeralOwner === this.#keeper.sessionId && `${claim.data}` === record.claim;
    if (isOwn) return claim.stat.czxid;
    if (found === null || decodeRecord(found.data).claim !== record.claim) return null;
    // A claim of an earlier session is gone, or about to go.
    await this.uncount(item, { ...record, attempts: attemptsBefore }, found.stat.version);
    throw new SessionExpiredError(`${claimPath(item)} is of a session that has expired`);
  }

  /** Asks as long as there may be an answer: what this session has claimed, or may have, nobody else can have meanwhile. */
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

  /** Writes what the record said before a claim, as long as nobody else has claimed the item. */
  async uncount(item: Item, record: AttemptRecord, version: number): Promise<void> {
    const data = encodeRecord({ ...record, claim: null });
    for (let failures = 0; ; failures++) {
      try {
        await this.#keeper.setData().withVersion(version).forPath(recordPath(item), data);
        return;
      } catch (error) {
        // Somebody has claimed it since, or the item is done; or it was written, and the reply was lost.
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

/** Whether that is when it was claimed, and not why not. */
export function isCommitted(outcome: Committed | Refused): outcome is Committed {
  return Array.isArray(outcome);
}
