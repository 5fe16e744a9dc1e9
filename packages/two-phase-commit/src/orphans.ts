import { randomUUID } from 'node:crypto';
import { NodeExistsError } from '@zk-recipes/core';
import { acrossSessions, persevere } from '@zk-recipes/core/recipe-kit';
import { TransactionStateError } from './errors.js';
import { forEach } from './for-each.js';
import type { HandlerCalls } from './handler-calls.js';
import { isPathPart } from './participant-name.js';
import type { ParticipantHandlers, PreparedCall, SettleOrphanOptions } from './participant-options.js';
import { encodeRecord } from './records.js';
import type { Slots } from './slots.js';
import type { Store } from './store.js';

/** Number of transactions that are looked up at once. */
const AT_ONCE = 100;

/** Context of the orphans of a participant. */
export interface OrphanOptions {
  readonly store: Store;
  readonly participant: string;
  readonly handlers: Pick<ParticipantHandlers<never>, 'prepared' | 'settle'>;
  readonly rule: 'keep' | 'abort';
  readonly calls: HandlerCalls;
  readonly finishing: Slots;
  readonly report: (error: unknown, path?: string) => void;
}

/**
 * Orphans of a participant: work that its resource holds prepared although its transaction no longer exists. An operator has deleted the
 * transaction's znodes, or the servers have lost their data.
 *
 * A participant notes that it has finished only after its resource has, and a transaction is removed only after that note. So work that is
 * still prepared after its transaction was seen to be gone is an orphan.
 */
export class Orphans {
  readonly #options: OrphanOptions;
  readonly #told = new Set<string>();
  readonly #ending = new Map<string, Promise<void>>();
  #isSought = false;
  #search: Promise<void> | null = null;

  constructor(options: OrphanOptions) {
    this.#options = options;
  }

  /** Searches for orphans in the background until the search succeeds. Reports each orphan, and aborts it if the rule says so. */
  seek(ending: AbortSignal): void {
    this.#isSought = true;
    this.#search ??= this.#seek(ending).finally(() => {
      this.#search = null;
    });
  }

  /** Resolves when no background work is left. */
  async untilEnded(): Promise<void> {
    await this.#search;
    await Promise.all(this.#ending.values());
  }

  /** Reports once that a transaction is gone. */
  tell(id: string, why: string): void {
    if (this.#told.has(id)) return;
    this.#told.add(id);
    const { report, store } = this.#options;
    const cure = 'what the resource holds of it has to end as the other participants have decided: see settleOrphan';
    report(new TransactionStateError(id, `${why}; ${cure}`), store.layout.transaction(id));
  }

  /** Lists the ids of orphans; none if the handlers have no `prepared`. */
  async list(signal: AbortSignal): Promise<string[]> {
    const { store } = this.#options;
    const { keeper, layout } = store;
    const found = (await this.#prepared(signal)).filter(isPathPart);
    const missing = new Set<string>();
    if (found.length > 0) {
      await acrossSessions(keeper, signal, async () => {
        // Another process may have prepared for a transaction that this server does not know yet.
        await keeper.sync().forPath(store.path, { signal });
        await forEach(found, AT_ONCE, async (id) => {
          if ((await keeper.exists().forPath(layout.transaction(id), { signal })) === null) missing.add(id);
        });
      });
    }
    if (missing.size === 0) return [];
    return (await this.#prepared(signal)).filter((id) => missing.has(id));
  }

  /** Writes an audit record, and lets the resource end an orphan. @throws TransactionStateError if the transaction exists */
  async settle(id: string, options: SettleOrphanOptions, signal: AbortSignal): Promise<void> {
    await this.#record(id, options, signal);
    await this.#end(id, options.decision, signal);
  }

  async #seek(ending: AbortSignal): Promise<void> {
    while (this.#isSought && !ending.aborted) {
      this.#isSought = false;
      for (const id of (await this.#persist(ending, () => this.list(ending))) ?? []) {
        this.tell(id, 'is not there any more');
        if (this.#options.rule !== 'abort' || this.#ending.has(id)) continue;
        const work = this.#abort(id, ending).finally(() => this.#ending.delete(id));
        this.#ending.set(id, work);
      }
    }
  }

  async #abort(id: string, signal: AbortSignal): Promise<void> {
    const operator = `participant ${this.#options.participant}`;
    const options = { decision: 'aborted', operator, reason: "orphans: 'abort'" } as const;
    const isGone = await this.#persist(signal, async () => {
      try {
        await this.#record(id, options, signal);
        return true;
      } catch (error) {
        // The transaction exists again.
        if (error instanceof TransactionStateError) return false;
        throw error;
      }
    });
    if (isGone) await this.#persist(signal, () => this.#end(id, 'aborted', signal));
  }

  async #record(id: string, { decision, operator, reason }: SettleOrphanOptions, signal: AbortSignal): Promise<void> {
    const { store, participant } = this.#options;
    const { keeper, layout } = store;
    const record = encodeRecord({ kind: 'settle', id, participant, decision, operator, reason });
    const path = layout.auditRecord(`${id}-${randomUUID()}`);
    await acrossSessions(keeper, signal, async () => {
      await keeper.sync().forPath(store.path, { signal });
      if ((await keeper.exists().forPath(layout.transaction(id), { signal })) !== null) {
        throw new TransactionStateError(
          id,
          'is there: it ends by its decision, which `force` of a Coordinator can make',
        );
      }
      const creation = keeper.create().creatingParents().idempotent();
      await creation.forPath(path, record, { signal }).catch((error: unknown) => {
        // An earlier session has created the record: no other process knows the name.
        if (!(error instanceof NodeExistsError)) throw error;
      });
    });
  }

  async #end(id: string, decision: 'committed' | 'aborted', signal: AbortSignal): Promise<void> {
    const { store, participant, handlers, calls, finishing } = this.#options;
    const settle = async (): Promise<void> => await handlers.settle?.({ id, participant, decision, signal });
    await finishing.run(() => calls.call(settle));
    const entry = store.layout.entry(participant, id);
    await acrossSessions(store.keeper, signal, () => store.keeper.delete().quietly().forPath(entry, { signal }));
    this.#told.delete(id);
  }

  async #prepared(signal: AbortSignal): Promise<readonly string[]> {
    const { handlers, participant, calls } = this.#options;
    const call: PreparedCall = { participant, signal };
    return await calls.call(async () => (await handlers.prepared?.(call)) ?? []);
  }

  async #persist<R>(signal: AbortSignal, work: () => Promise<R>): Promise<R | undefined> {
    const { store, report } = this.#options;
    if (signal.aborted) return undefined;
    // Rejects only when the participant or the `Keeper` ends.
    return await persevere(store.keeper, work, { signal, onFailure: report }).catch(() => undefined);
  }
}
