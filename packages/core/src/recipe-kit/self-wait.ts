import { AsyncLocalStorage } from 'node:async_hooks';
import { systemClock } from 'zookeeper-ts-client';
import { SelfWaitError } from '../errors.js';

/** Function of the caller that runs on behalf of a recipe, inside the functions that called it. */
interface RunningFunction {
  readonly owner: object;
  readonly outer: RunningFunction | undefined;
  isRunning: boolean;
}

const context = new AsyncLocalStorage<RunningFunction | undefined>();

/** Runs a function of the caller on behalf of a recipe, so that `refuseSelfWait` recognizes calls from inside the function. */
export async function runOnBehalfOf<T>(owner: object, fn: () => Promise<T> | T): Promise<T> {
  const running: RunningFunction = { owner, outer: context.getStore(), isRunning: true };
  try {
    return await context.run(running, async () => await fn());
  } finally {
    running.isRunning = false;
  }
}

/**
 * Refuses a wait inside a function for an ending that waits for that function. All other waits get the result of the ending. A function
 * may begin an ending if it does not wait for the ending.
 *
 * @param owner recipe on whose behalf the function runs
 * @param ending name of the call, for the error
 * @returns the ending. `await` calls its `then`. A `then` that the function calls rejects with a `SelfWaitError` if the function still
 *   runs one turn of the event loop later
 */
export function refuseSelfWait<T>(owner: object, ending: string, end: Promise<T>): Promise<T> {
  return new Ending(owner, ending, end);
}

/** Promise of an ending. A subclass, because `await` does not call the `then` of a plain promise. */
class Ending<T> extends Promise<T> {
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  readonly #owner: object;
  readonly #name: string;
  readonly #end: Promise<T>;

  constructor(owner: object, name: string, end: Promise<T>) {
    super((resolve, reject) => void end.then(resolve, reject));
    this.#owner = owner;
    this.#name = name;
    this.#end = end;
  }

  // biome-ignore lint/suspicious/noThenProperty: that is what tells who waits
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const waiting = findRunning(this.#owner);
    if (waiting === null) return super.then(onFulfilled, onRejected);
    return this.#unlessRunning(waiting).then(onFulfilled, onRejected);
  }

  async #unlessRunning(waiting: RunningFunction): Promise<T> {
    // A function that continues without waiting may be about to end.
    await new Promise<void>((resolve) => void systemClock.schedule(0, resolve));
    if (waiting.isRunning) throw new SelfWaitError(this.#name);
    return await this.#end;
  }
}

/**
 * Finds the running function of the owner that the current call is inside of.
 *
 * @returns `null` if there is no such function
 */
function findRunning(owner: object): RunningFunction | null {
  for (let running = context.getStore(); running !== undefined; running = running.outer) {
    if (running.owner === owner && running.isRunning) return running;
  }
  return null;
}
