import { runOnBehalfOf } from '@zk-recipes/core/recipe-kit';

/** Calls of a participant's handlers, so that its end can wait for them, and knows when it is asked for inside of one. */
export class HandlerCalls {
  readonly #owner: object;
  readonly #running = new Set<Promise<unknown>>();

  /** @param owner on whose behalf the handlers are called. @see refuseSelfWait of the kit */
  constructor(owner: object) {
    this.#owner = owner;
  }

  /** Calls a handler. */
  async call<R>(handler: () => Promise<R> | R): Promise<R> {
    const running = runOnBehalfOf(this.#owner, handler);
    this.#running.add(running);
    return await running.finally(() => this.#running.delete(running));
  }

  /** Resolves when all handlers that run now have ended, however. */
  async untilEnded(): Promise<void> {
    await Promise.allSettled(this.#running);
  }
}
