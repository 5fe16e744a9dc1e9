import { type Channel, channel } from 'node:diagnostics_channel';
import type { Keeper } from '@zk-recipes/core';
import { EventListeners, type Listener } from '@zk-recipes/core/recipe-kit';

/** Name of the `node:diagnostics_channel` on which every queue of the process publishes each `QueueFailure`. */
export const QUEUE_FAILED_CHANNEL = 'zk-recipes:queue:failed';

/** Failure of a handler of `process`. */
export interface FailedEvent<T> {
  /** Path of the item's znode. */
  readonly path: string;
  /** Number of times that the item was handed out, including this time. */
  readonly attempt: number;
  /** Value that the handler threw, or with which its promise rejected. */
  readonly error: unknown;
  readonly value: T;
}

/** Form of a `FailedEvent` on the diagnostics channel. */
export interface QueueFailure extends FailedEvent<unknown> {
  /** Path of the queue. */
  readonly queue: string;
  /** Stack of the error; `null` if the thrown value has none. */
  readonly stack: string | null;
}

/** Events of a queue. */
export interface QueueEvents<T> {
  /** A handler of `process` threw, or its promise rejected. The item is retried or becomes a dead letter in any case. */
  readonly failed: FailedEvent<T>;
}

/** Reports failed handlers to the listeners of a queue and on a diagnostics channel. */
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

  /** @throws TypeError for an unknown event, or a listener that is not a function */
  on<Name extends keyof QueueEvents<T>>(event: Name, listener: Listener<QueueEvents<T>[Name]>): void {
    this.#listeners.add(event, listener);
  }

  /** @throws TypeError for an unknown event */
  off<Name extends keyof QueueEvents<T>>(event: Name, listener: Listener<QueueEvents<T>[Name]>): void {
    this.#listeners.remove(event, listener);
  }

  /** Reports a failure. Never throws. */
  tell(event: FailedEvent<T>): void {
    if (this.#channel.hasSubscribers) {
      const failure: QueueFailure = { ...event, queue: this.#queue, stack: stackOf(event.error) };
      this.#channel.publish(Object.freeze(failure));
    }
    this.#listeners.tell('failed', Object.freeze(event));
  }
}

/** Returns the stack of any thrown value; `null` also if its getter throws. */
function stackOf(thrown: unknown): string | null {
  try {
    const { stack } = thrown as { readonly stack?: unknown };
    return typeof stack === 'string' ? stack : null;
  } catch {
    return null;
  }
}
