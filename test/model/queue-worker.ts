import { ConnectionLossError, HoldLostError, type Keeper, NoAuthError, ThrottledOpError } from '@zk-recipes/core';
import { type Delivery, PriorityQueue } from '@zk-recipes/queues';
import type { QueueHistory } from './queue-history.js';
import { Calls, giver, turns } from './queue-users.js';

export const QUEUE_PATH = '/model/queue';
const MAX_ATTEMPTS = 4;

/** Somebody who puts items, and works on them; a new one comes in its place when it crashes. */
export class QueueWorker {
  readonly keeper: Keeper;
  readonly queue: PriorityQueue<string>;
  readonly held: Delivery<string>[] = [];
  readonly id: string;
  readonly #history: QueueHistory;
  readonly #calls = new Calls();
  #controller = giver();
  #puts = 0;
  isDead = false;

  constructor(id: string, keeper: Keeper, history: QueueHistory, maxItems: number | undefined) {
    this.id = id;
    this.keeper = keeper;
    this.queue = new PriorityQueue(keeper, QUEUE_PATH, { maxAttempts: MAX_ATTEMPTS, maxItems });
    this.#history = history;
  }

  put(count: number): void {
    const values = Array.from({ length: count }, () => `${this.id}/${++this.#puts}`);
    for (const value of values) this.#history.putBegins(value);
    const options = { priority: (this.#puts % 3) - 1, signal: this.#controller.signal };
    const end = (how: 'done' | 'unknown'): void => {
      for (const value of values) this.#history.putEnds(value, how);
    };
    const putting = this.queue.putAll(values, options).then(
      () => end('done'),
      (error: unknown) => {
        end('unknown');
        this.#expect(error, 'put', [ConnectionLossError, ThrottledOpError]);
      },
    );
    this.#calls.follow(putting);
  }

  take(): void {
    const { signal } = this.#controller;
    this.#calls.follow(
      this.queue.take({ signal }).then(
        (delivery) => this.#receive(delivery),
        (error: unknown) => this.#expect(error, 'take', [NoAuthError]),
      ),
    );
  }

  consume(): void {
    this.#calls.follow(
      this.#consume(this.#controller.signal).catch((error: unknown) => this.#expect(error, 'consume', [NoAuthError])),
    );
  }

  async #consume(signal: AbortSignal): Promise<void> {
    let count = 0;
    for await (const delivery of this.queue.consume({ signal, concurrency: 2 })) {
      this.#receive(delivery);
      count += 1;
      if (count % 2 === 0) this.settle('ack');
      if (count === 5) break;
    }
  }

  /** Asks for several at once. */
  takeMany(): void {
    const { signal } = this.#controller;
    const deliveries = this.queue.consume({ signal, concurrency: 4 });
    const takeOne = async (): Promise<void> => {
      const { value: delivery } = await deliveries.next();
      if (delivery !== undefined) this.#receive(delivery);
    };
    const taking = Promise.all(Array.from({ length: 4 }, takeOne)).then(() => deliveries.return?.());
    this.#calls.follow(
      taking.then(
        () => {},
        (error: unknown) => this.#expect(error, 'consume', [NoAuthError]),
      ),
    );
  }

  /** Works on one after the other, while the next ones are claimed, until there were six. */
  process(): void {
    const leaving = giver();
    const leave = (): void => leaving.abort();
    const { signal } = this.#controller;
    signal.addEventListener('abort', leave, { once: true });
    let count = 0;
    const work = async (delivery: Delivery<string>): Promise<void> => {
      this.#history.delivered(delivery);
      count += 1;
      if (count === 6) leave();
      await turns(count % 3);
      const isGood = count % 5 !== 4;
      this.#history.isLetGo(delivery);
      const onEnd = (): void => this.#onProcessed(delivery, isGood);
      if (delivery.signal.aborted) onEnd();
      else delivery.signal.addEventListener('abort', onEnd, { once: true });
      if (!isGood) throw new Error('of the handler');
    };
    const options = { prefetch: 3, retryDelayMs: () => 0, signal: leaving.signal };
    const processing = this.queue.process(work, options).catch((error: unknown) => this.#expect(error, 'process', []));
    this.#calls.follow(processing.finally(() => signal.removeEventListener('abort', leave)));
  }

  #onProcessed(delivery: Delivery<string>, isGood: boolean): void {
    if (delivery.state !== 'settled') this.#history.notSettled(delivery, true);
    else if (isGood) this.#history.settled(delivery, 'acknowledged');
    else this.#history.settled(delivery, delivery.attempts >= MAX_ATTEMPTS ? 'dead' : null);
  }

  settle(verb: 'ack' | 'retry' | 'reject'): void {
    const delivery = this.held.shift();
    if (delivery === undefined) return;
    this.#history.isLetGo(delivery);
    const isBuried = verb === 'reject' || (verb === 'retry' && delivery.attempts >= MAX_ATTEMPTS);
    const end = verb === 'ack' ? 'acknowledged' : isBuried ? 'dead' : null;
    this.#calls.follow(
      delivery[verb]().then(
        () => this.#history.settled(delivery, end),
        (error: unknown) => {
          this.#history.notSettled(delivery, !(error instanceof HoldLostError || error instanceof NoAuthError));
          // It is the worker's still, to be settled some other way.
          if (error instanceof NoAuthError && delivery.state === 'held') {
            this.#history.isKept(delivery);
            this.held.push(delivery);
          }
          this.#expect(error, verb, [HoldLostError, ConnectionLossError, NoAuthError]);
        },
      ),
    );
  }

  giveUp(): void {
    this.#controller.abort(new Error('given up'));
    this.#controller = giver();
  }

  /** Dies: what it held is not its any more, and what it was about to do nobody will ever hear of. */
  async die(): Promise<void> {
    this.isDead = true;
    await this.keeper.close();
    await this.idle();
    for (const delivery of this.held.splice(0)) this.#history.isLetGo(delivery);
  }

  async idle(): Promise<void> {
    await this.#calls.ended();
  }

  #receive(delivery: Delivery<string>): void {
    this.#history.delivered(delivery);
    this.held.push(delivery);
  }

  #expect(error: unknown, what: string, expected: readonly (new (...args: never[]) => Error)[]): void {
    const isGivenUp = error instanceof Error && error.message === 'given up';
    if (isGivenUp || this.isDead || expected.some((kind) => error instanceof kind)) return;
    this.#history.complaints.push(`${this.id}, ${what}: ${error}`);
  }
}
