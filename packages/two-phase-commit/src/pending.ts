import { acrossSessions, namesIn, orNull } from '@zk-recipes/core/recipe-kit';
import type { PendingTransaction } from './coordinator-options.js';
import { MalformedRecordError } from './errors.js';
import type { Presence } from './presence.js';
import { decodeTrouble, type Trouble } from './records.js';
import type { Store } from './store.js';

/** Lists what is not finished by all, the oldest first. */
export async function listPending(
  store: Store,
  presence: Presence,
  signal: AbortSignal | undefined,
): Promise<PendingTransaction[]> {
  return await acrossSessions(store.keeper, signal, async () => {
    const nowMs = await presence.serverTimeMs(signal);
    const [ids, alive] = await Promise.all([
      store.ids({ signal }),
      namesIn(store.keeper, store.layout.coordinators, { signal }),
    ]);
    const found = await Promise.all(ids.map((id) => describePending(store, id, nowMs, new Set(alive), signal)));
    return found.filter((one) => one !== null).sort((one, other) => other.ageMs - one.ageMs);
  });
}

async function describePending(
  store: Store,
  id: string,
  nowMs: number,
  alive: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<PendingTransaction | null> {
  try {
    const [transaction, view, voters, finished] = await Promise.all([
      store.readTransaction(id, { signal }),
      store.readDecision(id, { signal }),
      store.voters(id, { signal }),
      store.finished(id, { signal }),
    ]);
    if (transaction === null || view === null) return null;
    const { participants } = transaction;
    const unfinished = participants.filter((name) => !finished.includes(name));
    if (unfinished.length === 0) return null;
    const [votes, troubles] = await Promise.all([
      store.readVotes(id, voters, { signal }),
      Promise.all(unfinished.map((name) => readTrouble(store, id, name, signal))),
    ]);
    const { decision } = view;
    return {
      id,
      participants,
      ageMs: Math.max(0, nowMs - transaction.beganAtMs),
      votes: Object.fromEntries([...votes].map(([name, { vote }]) => [name, vote])),
      decision: decision?.decision ?? null,
      ...(decision?.reason === undefined ? {} : { reason: decision.reason }),
      ...(decision === null ? {} : { decidedBy: decision.by }),
      unfinished,
      isCoordinatorAlive: alive.has(transaction.coordinator),
      troubles: Object.fromEntries(troubles.filter((one) => one !== null)),
    };
  } catch (error) {
    if (!(error instanceof MalformedRecordError)) throw error;
    // Somebody else's: left alone.
    store.keeper.reportBackgroundError(error, 'pending transactions', error.path);
    return null;
  }
}

async function readTrouble(
  store: Store,
  id: string,
  participant: string,
  signal: AbortSignal | undefined,
): Promise<readonly [string, Trouble] | null> {
  const path = store.layout.entry(participant, id);
  const data = await orNull(store.keeper.getData().forPath(path, { signal }));
  const trouble = decodeTrouble(data);
  return trouble === null ? null : [participant, trouble];
}
