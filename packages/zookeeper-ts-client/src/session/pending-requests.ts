import type { RequestOutcome } from '../errors/errors.js';
import type { JuteReader } from '../jute/reader.js';
import type { JuteWriter } from '../jute/writer.js';
import type { Moment } from './clock.js';

/** A request without a reply: how to write it, and how to settle its promise. */
export interface PendingRequest {
  /** Name of the operation in ZooKeeper's terms. */
  readonly name: string;
  readonly opCode: number;
  /** The operation and its paths, for error messages. */
  readonly description: string;
  /** Set when the request is written; xids follow the order of the wire. */
  xid: number;
  sentAt: Moment;
  /** Size of the frame in bytes; set when the request is written. */
  bytes: number;
  /** Whether the request may be sent again: it changes nothing on the servers, and its caller still waits for it. */
  readonly mayRepeat: boolean;
  /** Number of parts that the server answers separately. */
  readonly parts: number;
  /** Writes the request's record, without the header. */
  write(writer: JuteWriter): void;
  /** Settles the promise with a reply: its error code, and its body if there is one. */
  reply(err: number, body: JuteReader): void;
  /** Rejects the promise with the loss of the connection, because no reply will come. */
  lose(outcome: RequestOutcome, cause: Error): void;
  /** Rejects the promise because no reply will come; the session creates the error where the caller receives it. */
  fail(error: () => unknown): void;
}

/** A first-in, first-out queue of requests. The cost of taking the first request does not depend on the length of the queue. */
export class RequestQueue {
  #items: (PendingRequest | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  get first(): PendingRequest | undefined {
    return this.#items[this.#head];
  }

  push(request: PendingRequest): void {
    this.#items.push(request);
  }

  unshift(request: PendingRequest): void {
    if (this.#head > 0) this.#items[--this.#head] = request;
    else this.#items.unshift(request);
  }

  shift(): PendingRequest | undefined {
    const request = this.#items[this.#head];
    if (request === undefined) return undefined;
    this.#items[this.#head++] = undefined;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return request;
  }

  /** Removes one request from the queue; returns `false` when the request is not in the queue. */
  remove(request: PendingRequest): boolean {
    if (this.first === request) return this.shift() !== undefined;
    const index = this.#items.indexOf(request, this.#head);
    if (index < 0) return false;
    this.#items.splice(index, 1);
    return true;
  }

  /** Empties the queue and returns its requests. */
  drain(): PendingRequest[] {
    const requests = this.#items.slice(this.#head) as PendingRequest[];
    this.#items = [];
    this.#head = 0;
    return requests;
  }
}
