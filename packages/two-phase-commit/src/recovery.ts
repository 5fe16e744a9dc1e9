import { type Keeper, SessionExpiredError } from '@zk-recipes/core';
import {
  acrossSessions,
  Change,
  enrol,
  type Member,
  namesIn,
  removeWatch,
  systemClock,
  untilFirst,
  withAnySignal,
  withinSession,
} from '@zk-recipes/core/recipe-kit';
import type { FailedTransaction, Recovery } from './coordinator-options.js';
import { MalformedRecordError } from './errors.js';
import { forEach } from './for-each.js';
import { PLACE } from './layout.js';
import type { Presence } from './presence.js';
import { votesKnown } from './records.js';
import { isAnyGone, type RollCall } from './roll-call.js';
import type { Store, StoredTransaction } from './store.js';

/*
 * Settles the transactions of coordinators that are gone. Any number of processes may do so at once. An abort is the same conditional write as any
 * decision, and the server refuses to remove a transaction that some participant has not finished.
 *
 * The transactions are listed first and the coordinators second, so the coordinator of every listed transaction was present before the second list.
 * The lists are not sent together: a busy server that first refuses one of them would reverse their order.
 */

/** Shortest pause in milliseconds until the background looks again for transactions that are old enough to be removed. */
const SHORTEST_PAUSE_MS = 60_000;

/** Pause in milliseconds after which the background tries again to settle a transaction after a refusal. */
const RETRY_PAUSE_MS = 5_000;

/** Number of transactions that are inspected at once. */
const AT_ONCE = 100;

/** Transaction whose coordinator is gone, and the action to take. */
interface Orphan {
  readonly transaction: StoredTransaction;
  readonly action: 'abort' | 'remove';
}

/** Settles all transactions once. A transaction that cannot be settled does not stop the others. */
export async function recoverAll(
  store: Store,
  presence: Presence,
  retentionMs: number,
  signal: AbortSignal | undefined,
): Promise<Recovery> {
  const aborted = new Set<string>();
  const removed = new Set<string>();
  return await acrossSessions(store.keeper, signal, async () => {
    const nowMs = await presence.serverTimeMs(signal);
    const ids = await store.ids({ signal });
    const alive = new Set(await namesIn(store.keeper, store.layout.coordinators, { signal }));
    const isOld = (atMs: number): boolean => nowMs - atMs >= retentionMs;
    const failed: FailedTransaction[] = [];
    const settle = async (id: string): Promise<void> => {
      const orphan = await inspect(store, id, alive, isOld, signal);
      if (orphan === null) return;
      if (orphan.action === 'abort') {
        if (await abort(store, orphan.transaction, `recovery ${presence.uuid}`, signal)) aborted.add(id);
        return;
      }
      await store.remove(orphan.transaction, { signal });
      removed.add(id);
    };
    await forEach(ids, AT_ONCE, async (id) => {
      try {
        await settle(id);
      } catch (error) {
        if (signal?.aborted || store.keeper.closed || error instanceof SessionExpiredError) throw error;
        failed.push({ id, error: error as Error });
      }
    });
    return { aborted: [...aborted], removed: [...removed], failed };
  });
}

/** @returns whether this call has made the decision */
async function abort(
  store: Store,
  transaction: StoredTransaction,
  by: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { votes } = await store.readVotes(transaction.id, transaction.participants, { signal });
  const decision = {
    decision: 'aborted',
    reason: 'its coordinator was gone before it was decided',
    by,
    votes: votesKnown(votes),
  } as const;
  return (await store.decide(transaction, decision, { signal }))?.by === by;
}

/** @returns `null` if no action is necessary @throws MalformedRecordError; the errors of the reads */
async function inspect(
  store: Store,
  id: string,
  alive: ReadonlySet<string>,
  isOld: (atMs: number) => boolean,
  signal: AbortSignal | undefined,
): Promise<Orphan | null> {
  const [transaction, view, finished] = await Promise.all([
    store.readTransaction(id, { signal }),
    store.readDecision(id, { signal }),
    store.finished(id, { signal }),
  ]);
  if (transaction === null || view === null) return null;
  const action = store.protocol.recover({
    isDecided: view.decision !== null,
    isCoordinatorAlive: alive.has(transaction.coordinator),
    isFinished: transaction.participants.every((name) => finished.includes(name)),
    isOld: isOld(view.atMs),
  });
  return action === 'nothing' ? null : { transaction, action };
}

/**
 * Stands in the line of recovering processes. The first process recovers at once, and whenever a coordinator has gone. Ends only by the
 * signal.
 */
export async function recoverInBackground(
  store: Store,
  presence: Presence,
  retentionMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { keeper, layout } = store;
  await acrossSessions(keeper, signal, async () => {
    await presence.established(signal);
    const member = await enrol(keeper, layout.recovery, { name: PLACE, signal });
    try {
      await untilFirst(member, PLACE, { signal });
      await withinSession(keeper, member.epoch, signal, (within) =>
        keepRecovering(store, presence, retentionMs, member, within),
      );
    } finally {
      // The background reports a refusal.
      await member.remove().catch(() => {});
    }
  });
}

async function keepRecovering(
  store: Store,
  presence: Presence,
  retentionMs: number,
  member: Member,
  signal: AbortSignal,
): Promise<void> {
  const { keeper, layout } = store;
  const told = new Map<string, string>();
  const longestPauseMs = Math.max(retentionMs, SHORTEST_PAUSE_MS);
  let pauseMs = longestPauseMs;
  const watch: { last: RollCall | null } = { last: null };
  for (;;) {
    // After this pause, the transactions that are finished now are old enough to be removed.
    const pause = new AbortController();
    const cancelTimer = systemClock.schedule(pauseMs, () => pause.abort());
    await withAnySignal([signal, pause.signal], (either) => untilAnyGone(keeper, layout.coordinators, watch, either))
      .catch((error: unknown) => {
        if (signal.aborted || !pause.signal.aborted) throw error;
      })
      .finally(cancelTimer);
    const { failed } = await recoverAll(store, presence, retentionMs, signal);
    pauseMs = failed.reduce((least, { error }) => Math.min(least, pauseAfter(error)), longestPauseMs);
    tell(store, failed, told);
    // A process whose place was removed by hand must stop.
    await keeper.transaction().check(member.path).commit({ signal });
  }
}

/** Resolves at the first list, and when a coordinator has gone since the last list, even if it lived only between two lists. */
async function untilAnyGone(
  keeper: Keeper,
  path: string,
  watch: { last: RollCall | null },
  signal: AbortSignal | undefined,
): Promise<void> {
  for (;;) {
    const change = new Change();
    const listing = keeper.getChildren().withStat().watching(change.happened);
    const { children: names, stat } = await listing.forPath(path, { signal });
    const { last } = watch;
    const now = { names, changes: stat.cversion };
    watch.last = now;
    const isGone = last === null || isAnyGone(last, now);
    const event = isGone ? null : await change.orAbort(signal);
    if (event === null) removeWatch(keeper, path, 'CHILDREN', change.happened);
    if (isGone) return;
    signal?.throwIfAborted();
    if (event?.type === 'None') throw new SessionExpiredError();
  }
}

function pauseAfter(error: Error): number {
  return error instanceof MalformedRecordError ? SHORTEST_PAUSE_MS : RETRY_PAUSE_MS;
}

/** Reports each failure once while its message stays the same. @param told messages by the ids of transactions */
function tell({ keeper, layout }: Store, failed: readonly FailedTransaction[], told: Map<string, string>): void {
  const fresh = failed.filter(({ id, error }) => told.get(id) !== error.message);
  told.clear();
  for (const { id, error } of failed) told.set(id, error.message);
  for (const { id, error } of fresh) {
    const path = error instanceof MalformedRecordError ? error.path : layout.transaction(id);
    keeper.reportBackgroundError(error, 'recovery', path);
  }
}
