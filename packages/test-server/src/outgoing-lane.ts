import type { Socket } from 'node:net';
import type { Clock } from './clock.js';

/** Above this, in bytes, nothing more is read from a client before it has read. */
const HIGH_WATER_BYTES = 1024 * 1024;

interface Waiting {
  readonly bytes: Buffer;
  readonly dueMs: number;
}

/** What goes to one client, in order: at once, late, or not until it is let go. */
export class OutgoingLane {
  readonly #socket: Socket;
  readonly #clock: Clock;
  #queue: Waiting[] = [];
  #queuedBytes = 0;
  #isHeld = false;
  /** Before this nothing more may leave, on the clock. */
  #dueMs = 0;
  #cancelTimer: (() => void) | null = null;
  #isEnding = false;

  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
  }

  /** Bytes that the client has not taken yet. */
  get unreadBytes(): number {
    return this.#queuedBytes + this.#socket.writableLength;
  }

  /** Whether the client has so much to read that nothing more should be asked on its behalf. */
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

  /** Delays what is pushed from now on. */
  delay(ms: number): void {
    this.#dueMs = Math.max(this.#dueMs, this.#clock.now() + ms);
  }

  /** Holds everything back, or lets it go. */
  setHeld(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.#drain();
  }

  /** Closes the connection when everything pushed has left. */
  end(): void {
    this.#isEnding = true;
    this.#drain();
  }

  /** Forgets what has not left. */
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
