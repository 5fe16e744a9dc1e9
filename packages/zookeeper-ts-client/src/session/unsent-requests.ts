import type { Clock } from './clock.js';
import { type PendingRequest, RequestQueue } from './pending-requests.js';

/** The requests that no connection has taken yet, in order. While there is no connection, no request waits longer than its limit. */
export class UnsentRequests {
  readonly #queue = new RequestQueue();
  readonly #clock: Clock;
  readonly #limitMs: () => number;
  readonly #connected: () => boolean;
  #cancel: (() => void) | null = null;

  constructor(clock: Clock, limitMs: () => number, connected: () => boolean) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#connected = connected;
  }

  get isEmpty(): boolean {
    return this.#queue.size === 0;
  }

  push(request: PendingRequest): void {
    request.sentAt = { monotonicMs: this.#clock.now(), wallMs: this.#clock.wallNow() };
    this.#queue.push(request);
    if (this.#cancel === null) this.#arm();
  }

  /** Puts the request that `shift` returned back to the front of the queue. */
  unshift(request: PendingRequest): void {
    this.#queue.unshift(request);
    if (this.#cancel === null) this.#arm();
  }

  shift(): PendingRequest | undefined {
    return this.#queue.shift();
  }

  remove(request: PendingRequest): boolean {
    return this.#queue.remove(request);
  }

  /** Empties the queue and returns its requests. */
  drain(): PendingRequest[] {
    this.#cancel?.();
    this.#cancel = null;
    return this.#queue.drain();
  }

  #arm(): void {
    const first = this.#queue.first;
    if (first === undefined) return;
    const dueInMs = first.sentAt.monotonicMs + this.#limitMs() - this.#clock.now();
    this.#cancel = this.#clock.schedule(Math.max(1, Math.ceil(dueInMs)), () => this.#expire());
  }

  #expire(): void {
    this.#cancel = null;
    // On a live connection, requests wait for room without a limit; if the connection is lost, the session drains the queue.
    if (this.#connected()) return;
    const now = this.#clock.now();
    const limitMs = this.#limitMs();
    for (let first = this.#queue.first; first !== undefined; first = this.#queue.first) {
      if (first.sentAt.monotonicMs + limitMs > now) break;
      this.#queue.shift();
      first.lose('not-sent', new Error(`no connection within ${limitMs} ms`));
    }
    this.#arm();
  }
}
