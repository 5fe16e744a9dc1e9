import { type Channel, channel } from 'node:diagnostics_channel';
import type { Keeper } from '@zk-recipes/core';
import { EventListeners, type Listener } from '@zk-recipes/core/recipe-kit';

/** Name of the `node:diagnostics_channel` on which every `QueueFailure` of every queue of the process is published. */
export const QUEUE_FAILED_CHANNEL = 'zk-recipes:queue:failed';

/** A handler of `process` threw. */
export interface FailedEvent<T> {
  /** Znode of the item. */
  readonly path: string;
  /** How often the item was handed out, this time included. */
  readonly attempt: number;
  /** What the handler threw, or its promise rejected with. */
  readonly error: unknown;
  readonly value: T;
}

/** A `FailedEvent`, as the diagnostics channel has it. */
export interface QueueFailure extends FailedEvent<unknown> {
  /** Path of the queue. */
  readonly queue: string;
  /** Stack of the error; `null` if what was thrown has none. */
  readonly stack: string | null;
}

/** Events of a queue. */
export interface QueueEvents<T> {
  /** A handler of `process` threw, or its promise rejected. The item is tried again, or put aside, in any case. */
  readonly failed: FailedEvent<T>;
}

/** Tells of handlers that threw: to the listeners of a queue, and on a diagnostics channel. */
export class Failures<T> {
  readonly #queue: string;
  readonly #channel: Channel = channel(QUEUE_FAILED_CHANNEL);
  readonly #listeners: EventListeners<QueueEvents<T>>;

  /** @param queue path of the queue */
  constructor(keeper: Keeper, queue: string) {
    this.#queue = queue;
    this.#listeners = new EventListeners(['failed'], (error) => {
      keeper.reportBackgroundError(error, 'failed listener of a queue', queue);
    });
  }

  /** @throws TypeError for an unknown event, or what is no function */
  on<Name extends keyof QueueEvents<T>>(event: Name, listener: Listener<QueueEvents<T>[Name]>): void {
    this.#listeners.add(event, listener);
  }

  /** @throws TypeError for an unknown event */
  off<Name extends keyof QueueEvents<T>>(event: Name, listener: Listener<QueueEvents<T>[Name]>): void {
    this.#listeners.remove(event, listener);
  }

  /** Tells of one. Never throws. */
  tell(event: FailedEvent<T>): void {
    if (this.#channel.hasSubscribers) {
      const failure: QueueFailure = { ...event, queue: this.#queue, stack: stackOf(event.error) };
      this.#channel.publish(Object.freeze(failure));
    }
    this.#listeners.tell('failed', Object.freeze(event));
  }
}

/** Whatever was thrown, a getter that throws included. */
function stackOf(thrown: unknown): string | null {
  try {
    const { stack } = thrown as { readonly stack?: unknown };
    return typeof stack === 'string' ? stack : null;
  } catch {
    return null;
  }
}
