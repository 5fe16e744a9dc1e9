import {
  acrossSessions,
  enrol,
  type Member,
  namesIn,
  systemClock,
  untilChildren,
  untilFirst,
  withAnySignal,
  withinSession,
} from '@zk-recipes/core/recipe-kit';
import type { Recovery } from './coordinator-options.js';
import { MalformedRecordError } from './errors.js';
import { PLACE } from './layout.js';
import type { Presence } from './presence.js';
import type { Store, StoredTransaction } from './store.js';

/*
 * Settles what coordinators have left that are gone. Any number may do so at once: to abort is the same conditional write as any decision,
 * and to remove is refused unless everybody has finished.
 *
 * The transactions are listed first and the coordinators after that: who has begun one that was found was there before.
 */

/** After which time the background looks again for what is old enough to be removed, at the earliest; in milliseconds. */
const SHORTEST_PAUSE_MS = 60_000;

/** A transaction whose coordinator is gone, and what is to be done about it. */
interface Orphan {
  readonly transaction: StoredTransaction;
  readonly action: 'abort' | 'remove';
}

/** Settles everything once. */
export async function recoverAll(
  store: Store,
  presence: Presence,
  retentionMs: number,
  signal: AbortSignal | undefined,
): Promise<Recovery> {
  return await acrossSessions(store.keeper, signal, async () => {
    const nowMs = await presence.serverTimeMs(signal);
    const [ids, alive] = await Promise.all([
      store.ids({ signal }),
      namesIn(store.keeper, store.layout.coordinators, { signal }),
    ]);
    const isOld = (atMs: number): boolean => nowMs - atMs >= retentionMs;
    const [aborted, removed]: [string[], string[]] = [[], []];
    const settle = async (id: string): Promise<void> => {
      const orphan = await inspect(store, id, new Set(alive), isOld, signal);
      if (orphan === null) return;
      const { transaction, action } = orphan;
      if (action === 'remove') {
        await store.remove(transaction, { signal });
        removed.push(id);
        return;
      }
      const votes = await store.readVotes(id, transaction.participants, { signal });
      const by = `recovery ${presence.uuid}`;
      const decision = {
        decision: 'aborted',
        reason: 'its coordinator was gone before it was decided',
        by,
        votes: [...votes].map(([name, { vote }]) => [name, vote] as const),
      } as const;
      if ((await store.decide(transaction, decision, { signal }))?.by === by) aborted.push(id);
    };
    await Promise.all(ids.map(settle));
    return { aborted, removed };
  });
}

async function inspect(
  store: Store,
  id: string,
  alive: ReadonlySet<string>,
  isOld: (atMs: number) => boolean,
  signal: AbortSignal | undefined,
): Promise<Orphan | null> {
  try {
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
  } catch (error) {
    if (!(error instanceof MalformedRecordError)) throw error;
    // Somebody else's: left alone.
    store.keeper.reportBackgroundError(error, 'recovery', error.path);
    return null;
  }
}

/** One of all who do this is first in the line: it recovers at once, and whenever a coordinator has gone. Ends by the signal only. */
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
      // Of a refusal the background tells.
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
  for (let known: ReadonlySet<string> | null = null; ; ) {
    const isAnyGone = (names: readonly string[]): boolean => {
      const isGone = known === null || [...known].some((name) => !names.includes(name));
      known = new Set(names);
      return isGone;
    };
    // What is finished by now is old enough to be removed after that time.
    const pause = new AbortController();
    const cancelTimer = systemClock.schedule(Math.max(retentionMs, SHORTEST_PAUSE_MS), () => pause.abort());
    await withAnySignal([signal, pause.signal], (either) =>
      untilChildren(keeper, layout.coordinators, isAnyGone, { signal: either }),
    )
      .catch((error: unknown) => {
        if (signal.aborted || !pause.signal.aborted) throw error;
      })
      .finally(cancelTimer);
    await recoverAll(store, presence, retentionMs, signal);
    // Who was removed from the line by hand is not the one any more.
    await keeper.transaction().check(member.path).commit({ signal });
  }
}
