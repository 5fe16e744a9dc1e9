import { received, type WatchedEvent } from 'zookeeper-ts-client';
import type { Diagnostics } from '../diagnostics.js';
import { callListener } from '../listeners.js';
import type { Namespace, WatchFunction } from './namespace.js';

/**
 * Wrappers of the watch functions of a namespace's users. A wrapper removes the namespace from the events and reports the errors of the
 * function. Each function has only one wrapper during its lifetime, because the client identifies a watch by its function.
 */
export class Watches {
  readonly #namespace: Namespace;
  readonly #diagnostics: Diagnostics;
  readonly #wrappers = new WeakMap<WatchFunction, WatchFunction>();

  constructor(namespace: Namespace, diagnostics: Diagnostics) {
    this.#namespace = namespace;
    this.#diagnostics = diagnostics;
  }

  /** @throws {TypeError} when `listener` is not a function */
  wrap(listener: WatchFunction): WatchFunction {
    if (typeof listener !== 'function')
      throw new TypeError(`Expected a watch to be a function, got ${received(listener)}`);
    const known = this.#wrappers.get(listener);
    if (known !== undefined) return known;
    const wrapper = (event: WatchedEvent): void => {
      const report = (error: unknown): void => this.#diagnostics.report(error, 'watch function', event.path);
      callListener(listener, this.#namespace.localEvent(event), report);
    };
    this.#wrappers.set(listener, wrapper);
    return wrapper;
  }
}
