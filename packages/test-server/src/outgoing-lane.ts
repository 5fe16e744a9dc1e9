import type { Socket } from 'node:net';
import type { Clock } from './clock.js';

/** Number of unread bytes from which on the server reads no more requests of a client. */
const HIGH_WATER_BYTES = 1024 * 1024;

interface Waiting {
  readonly bytes: Buffer;
  readonly dueMs: number;
}

/** Outbound queue of one client, in order: data is sent at once, late, or when it is no longer held. */
export class OutgoingLane {
  readonly #socket: Socket;
  readonly #clock: Clock;
  #queue: Waiting[] = [];
  #queuedBytes = 0;
  #isHeld = false;
  /** Time on the clock before which no more data is sent. */
  #dueMs = 0;
  #cancelTimer: (() => void) | null = null;
  #isEnding = false;

  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
  }

  /** Number of bytes that the client has not read yet. */
  get unreadBytes(): number {
    return this.#queuedBytes + this.#socket.writableLength;
  }

  /** Whether the client has so much unread data that the server should process no more of its requests. */
  get isFull(): boolean {
    return this.unreadBytes > HIGH_WATER_BYTES;
  }

  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (this.#queue.length === 0 && !this.#isHeld && this.#dueMs <= this.#clock.now()) {
      this.#socket.write(bytes);
      return;
    }
    this.#queue.push({ bytes, dueMs: this.#dueMs });
    this.#queuedBytes += bytes.length;
    this.#drain();
  }

  /** Delays data that is pushed from now on. */
  delay(ms: number): void {
    this.#dueMs = Math.max(this.#dueMs, this.#clock.now() + ms);
  }

  /** Holds all data back, or releases it. */
  setHeld(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.#drain();
  }

  /** Closes the connection when all pushed data has been sent. */
  end(): void {
    this.#isEnding = true;
    this.#drain();
  }

  /** Discards unsent data. */
  clear(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  #drain(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (this.#isHeld) return;
    const now = this.#clock.now();
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      if (head.dueMs > now) {
        this.#cancelTimer = this.#clock.schedule(head.dueMs - now, () => this.#drain());
        return;
      }
      this.#queue.shift();
      this.#queuedBytes -= head.bytes.length;
      this.#socket.write(head.bytes);
    }
    if (this.#isEnding) this.#socket.destroySoon();
  }
}
