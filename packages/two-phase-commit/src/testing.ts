/**
 * Helper for tests of two-phase commits: a participant's resource in memory.
 *
 * @packageDocumentation
 */

import type { ParticipantHandlers, ParticipantTransaction, SettleCall } from './participant-options.js';

/** Call of a handler. */
export interface HandlerCall {
  readonly handler: 'prepare' | 'commit' | 'abort';
  readonly id: string;
}

/** State of a transaction in a resource. */
export type ResourceState = 'prepared' | 'committed' | 'aborted';

/**
 * Handlers of a participant, on a resource in memory. Like a database, the resource outlives the participant: pass the same one to a second
 * `Participant` to simulate a restart. The resource is as strict as a database. It neither commits a transaction that it has not prepared,
 * nor aborts a transaction that it has committed.
 */
export class InMemoryResource<T> implements ParticipantHandlers<T> {
  /** All calls so far. */
  readonly calls: HandlerCall[] = [];
  readonly #states = new Map<string, ResourceState>();
  readonly #onPrepare: (transaction: ParticipantTransaction<T>) => Promise<'commit' | 'abort'> | 'commit' | 'abort';

  /** @param onPrepare returns the vote; by default `commit`. If it throws, `prepare` throws the same error */
  constructor(
    onPrepare: (transaction: ParticipantTransaction<T>) => Promise<'commit' | 'abort'> | 'commit' | 'abort' = () =>
      'commit',
  ) {
    this.#onPrepare = onPrepare;
  }

  /** Returns the state of a transaction; `undefined` if the resource does not know the transaction. */
  stateOf(id: string): ResourceState | undefined {
    return this.#states.get(id);
  }

  /** Returns the ids of the transactions in a state. */
  in(state: ResourceState): string[] {
    return [...this.#states].filter(([, of]) => of === state).map(([id]) => id);
  }

  async prepare(transaction: ParticipantTransaction<T>): Promise<'commit' | 'abort'> {
    const { id } = transaction;
    this.calls.push({ handler: 'prepare', id });
    const vote = await this.#onPrepare(transaction);
    if (vote === 'commit') this.#move(id, 'prepared', [undefined, 'prepared']);
    return vote;
  }

  commit({ id }: ParticipantTransaction<T>): void {
    this.calls.push({ handler: 'commit', id });
    this.#move(id, 'committed', ['prepared', 'committed']);
  }

  abort({ id }: ParticipantTransaction<T>): void {
    this.calls.push({ handler: 'abort', id });
    this.#move(id, 'aborted', [undefined, 'prepared', 'aborted']);
  }

  prepared(): string[] {
    return this.in('prepared');
  }

  settle({ id, decision }: SettleCall): void {
    this.#move(id, decision, decision === 'committed' ? ['prepared', decision] : [undefined, 'prepared', decision]);
  }

  #move(id: string, to: ResourceState, from: readonly (ResourceState | undefined)[]): void {
    const state = this.#states.get(id);
    if (!from.includes(state)) throw new Error(`transaction ${id} is ${state ?? 'unknown'}, and cannot be ${to}`);
    this.#states.set(id, to);
  }
}
