import { KeeperError } from '@zk-recipes/core';
import { acrossSessions, isPassing, messageOf, namesIn, orNull } from '@zk-recipes/core/recipe-kit';
import type { PendingTransaction, UnreadableRecord } from './coordinator-options.js';
import { MalformedRecordError } from './errors.js';
import { forEach } from './for-each.js';
import type { Presence } from './presence.js';
import { decodeTrouble, type Trouble, votesKnown } from './records.js';
import type { Store } from './store.js';

/** Number of transactions that are read at once. */
const AT_ONCE = 100;

/**
 * Lists the transactions that some participant has not finished, the oldest first. An unreadable transaction is listed, and hides no other.
 */
export async function listPending(
  store: Store,
  presence: Presence,
  signal: AbortSignal | undefined,
): Promise<PendingTransaction[]> {
  return await acrossSessions(store.keeper, signal, async () => {
    const nowMs = await presence.serverTimeMs(signal);
    const ids = await store.ids({ signal });
    const alive = new Set(await namesIn(store.keeper, store.layout.coordinators, { signal }));
    const found: PendingTransaction[] = [];
    await forEach(ids, AT_ONCE, async (id) => {
      const pending = await new Inspection(store, id, signal).describe(nowMs, alive);
      if (pending !== null) found.push(pending);
    });
    return found.sort((one, other) => other.ageMs - one.ageMs);
  });
}

/** Inspection of one transaction, which collects the records that cannot be read. */
class Inspection {
  readonly #store: Store;
  readonly #id: string;
  readonly #signal: AbortSignal | undefined;
  readonly #unreadable: UnreadableRecord[] = [];

  constructor(store: Store, id: string, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#id = id;
    this.#signal = signal;
  }

  /** @returns `null` if the transaction is finished or gone */
  async describe(nowMs: number, alive: ReadonlySet<string>): Promise<PendingTransaction | null> {
    const { layout, keeper } = this.#store;
    const [id, call] = [this.#id, { signal: this.#signal }];
    const path = layout.transaction(id);
    const [transaction, view, voters, finished] = await Promise.all([
      this.#readable(path, this.#store.readTransaction(id, call)),
      this.#readable(layout.decision(id), this.#store.readDecision(id, call)),
      this.#readable(layout.votes(id), this.#store.voters(id, call)),
      this.#readable(layout.acknowledgements(id), this.#store.finished(id, call)),
    ]);
    const participants = transaction?.participants ?? [];
    const unfinished = participants.filter((name) => !finished?.includes(name));
    if (transaction != null && view !== null && unfinished.length === 0) return null;
    let beganAtMs = transaction?.beganAtMs;
    if (transaction == null || view === null) {
      const stat = await keeper.exists().forPath(path, call);
      if (stat === null) return null;
      beganAtMs ??= Number(stat.ctime);
      if (view === null) this.#unreadable.push({ path: layout.decision(id), message: 'it is missing' });
    }
    const [votes, troubles] = await Promise.all([
      this.#votes(voters ?? []),
      Promise.all(unfinished.map((name) => this.#trouble(name))),
    ]);
    const decision = view?.decision ?? null;
    return {
      id,
      participants,
      ageMs: Math.max(0, nowMs - (beganAtMs as number)),
      votes,
      decision: decision?.decision ?? null,
      ...(decision?.reason === undefined ? {} : { reason: decision.reason }),
      ...(decision === null ? {} : { decidedBy: decision.by }),
      unfinished,
      isCoordinatorAlive: transaction != null && alive.has(transaction.coordinator),
      troubles: Object.fromEntries(troubles.filter((one) => one !== null)),
      unreadable: this.#unreadable,
    };
  }

  /** @returns `undefined` if the record cannot be read; it is then noted */
  async #readable<R>(path: string, reading: Promise<R>): Promise<R | undefined> {
    try {
      return await reading;
    } catch (error) {
      if (isPassing(error) || !(error instanceof MalformedRecordError || error instanceof KeeperError)) throw error;
      this.#unreadable.push({ path, message: messageOf(error) });
      return undefined;
    }
  }

  async #votes(voters: readonly string[]): Promise<PendingTransaction['votes']> {
    const { layout } = this.#store;
    const reading = this.#store.readVotes(this.#id, voters, { signal: this.#signal });
    const view = await this.#readable(layout.votes(this.#id), reading);
    for (const error of view?.unreadable.values() ?? []) {
      this.#unreadable.push({ path: error.path, message: messageOf(error) });
    }
    return Object.fromEntries(votesKnown(view?.votes ?? new Map()));
  }

  async #trouble(participant: string): Promise<readonly [string, Trouble] | null> {
    const path = this.#store.layout.entry(participant, this.#id);
    const reading = orNull(this.#store.keeper.getData().forPath(path, { signal: this.#signal }));
    const trouble = decodeTrouble((await this.#readable(path, reading)) ?? null);
    return trouble === null ? null : [participant, trouble];
  }
}
