import { runOnBehalfOf } from '@zk-recipes/core/recipe-kit';

/** Running handlers of a participant. `close` waits for them, and recognises when it is called inside a handler. */
export class HandlerCalls {
  readonly #owner: object;
  readonly #running = new Set<Promise<unknown>>();

  /** @param owner object on whose behalf the handlers are called. @see refuseSelfWait of the kit */
  constructor(owner: object) {
    this.#owner = owner;
  }

  /** Calls a handler. */
  async call<R>(handler: () => Promise<R> | R): Promise<R> {
    const running = runOnBehalfOf(this.#owner, handler);
    this.#running.add(running);
    return await running.finally(() => this.#running.delete(running));
  }

  /** Resolves when all handlers that run now have ended, with or without an error. */
  async untilEnded(): Promise<void> {
    await Promise.allSettled(this.#running);
  }
}
