import type { RequestOutcome } from '../errors/errors.js';
import type { JuteReader } from '../jute/reader.js';
import type { JuteWriter } from '../jute/writer.js';
import type { Moment } from './clock.js';

/** A request on its way: how to write it, and whom its end concerns. */
export interface PendingRequest {
  /** Name in ZooKeeper's words. */
  readonly name: string;
  readonly opCode: number;
  /** What it is and of which paths, for errors. */
  readonly description: string;
  /** Set when the request is written, in the order of the wire. */
  xid: number;
  sentAt: Moment;
  /** Size of the frame in bytes, set when the request is written. */
  bytes: number;
  /** Whether it may be sent again: it changes nothing on the servers, and its caller still waits for it. */
  readonly mayRepeat: boolean;
  /** Number of parts that are answered each by itself. */
  readonly parts: number;
  /** Writes the request's record, without the header. */
  write(writer: JuteWriter): void;
  /** The reply: error code, and the body where there is one. Settles the promise. */
  reply(err: number, body: JuteReader): void;
  /** No reply will come. */
  lose(outcome: RequestOutcome, cause: Error): void;
  /** No reply will come; the error is made where it is thrown. */
  fail(error: () => unknown): void;
}

/** First in, first out; taking from the front costs nothing however long the line is. */
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

  /** Takes one request out of the line; `false` when it is not in it. */
  remove(request: PendingRequest): boolean {
    if (this.first === request) return this.shift() !== undefined;
    const index = this.#items.indexOf(request, this.#head);
    if (index < 0) return false;
    this.#items.splice(index, 1);
    return true;
  }

  /** Empties the line and returns what stood in it. */
  drain(): PendingRequest[] {
    const requests = this.#items.slice(this.#head) as PendingRequest[];
    this.#items = [];
    this.#head = 0;
    return requests;
  }
}
