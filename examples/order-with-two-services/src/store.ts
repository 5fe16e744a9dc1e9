import type { ParticipantHandlers, ParticipantTransaction } from '@zk-recipes/two-phase-commit';
import { Journal } from './journal.js';

/** An order: what each of the services is to take, by its name. */
export type Order = Readonly<Record<string, number>>;

/** What a service knows: how much there is, what is set aside for orders that are not decided, and which orders are done. */
export interface State {
  readonly available: number;
  readonly reserved: Readonly<Record<string, number>>;
  readonly done: Readonly<Record<string, number>>;
}

/** A service's part in orders: something of which there is a number, items in stock or money on a card, on the disk. */
export class Store implements ParticipantHandlers<Order> {
  readonly #journal: Journal<State>;
  readonly #onStep: (step: string) => Promise<void>;
  #state: State;
  #changing: Promise<void> = Promise.resolve();

  private constructor(journal: Journal<State>, state: State, onStep: (step: string) => Promise<void>) {
    this.#journal = journal;
    this.#state = state;
    this.#onStep = onStep;
  }

  /** @param onStep told of each step when it is on the disk */
  static async open(path: string, available: number, onStep: (step: string) => Promise<void>): Promise<Store> {
    const journal = new Journal<State>(path);
    return new Store(journal, await journal.load({ available, reserved: {}, done: {} }), onStep);
  }

  get state(): State {
    return this.#state;
  }

  /** Sets aside what the order takes: from now on it is the order's, until it is decided. */
  async prepare({ id, payload, participant }: ParticipantTransaction<Order>): Promise<'commit'> {
    const amount = payload[participant] ?? 0;
    await this.#change(({ available, reserved, done }) => {
      // A crash came between this and the vote.
      if (id in reserved) return null;
      if (amount > available) throw new Error(`${amount} wanted, ${available} left`);
      return { available: available - amount, reserved: { ...reserved, [id]: amount }, done };
    });
    await this.#onStep('prepared');
    return 'commit';
  }

  async commit({ id }: ParticipantTransaction<Order>): Promise<void> {
    await this.#change(({ available, reserved: { [id]: amount, ...reserved }, done }) => {
      // A crash came between this and the note that it is done.
      if (amount === undefined) return null;
      return { available, reserved, done: { ...done, [id]: amount } };
    });
    await this.#onStep('committed');
  }

  async abort({ id }: ParticipantTransaction<Order>): Promise<void> {
    await this.#change(({ available, reserved: { [id]: amount, ...reserved }, done }) => {
      // Nothing was prepared; or a crash came between this and the note.
      if (amount === undefined) return null;
      return { available: available + amount, reserved, done };
    });
    await this.#onStep('aborted');
  }

  /** One change after the other, and nothing is known that is not on the disk. @param update `null` if there is nothing to change */
  #change(update: (state: State) => State | null): Promise<void> {
    const changed = this.#changing.then(async () => {
      const next = update(this.#state);
      if (next === null) return;
      await this.#journal.save(next);
      this.#state = next;
    });
    // The next one comes all the same.
    this.#changing = changed.catch(() => {});
    return changed;
  }
}
