import { JuteWriter } from '../jute/writer.js';
import { type Clock, type Moment, momentOf } from './clock.js';

/** Bytes written in one tick beyond which requests wait for the socket. */
const HIGH_WATER_BYTES = 1024 * 1024;

/** What a frame holds. */
export interface FrameBody {
  write(writer: JuteWriter): void;
}

/** Frames on their way to the socket: what is written in one tick leaves in one write at its end. */
export class Outbox {
  readonly #clock: Clock;
  readonly #write: (bytes: Buffer) => boolean;
  readonly #writer = new JuteWriter();
  #flushScheduled = false;
  #congested = false;
  /** Requests written and not given to the socket. */
  #unsent = 0;
  /** When the first frame of this tick was written; the clocks are read once a tick. */
  #tickBeganAt: Moment | null = null;
  #lastSentAtMs: number;

  /** @param write gives bytes to the socket; false when it has enough until `drained` */
  constructor(clock: Clock, write: (bytes: Buffer) => boolean) {
    this.#clock = clock;
    this.#write = write;
    this.#lastSentAtMs = clock.now();
  }

  /** Whether there is room for more. */
  get hasRoom(): boolean {
    return !this.#congested && this.#writer.pendingBytes < HIGH_WATER_BYTES;
  }

  /** Requests that the socket has certainly not been given: the last ones written. */
  get unsentRequests(): number {
    return this.#unsent;
  }

  /** Monotonic milliseconds at which something was last given to the socket. */
  get lastSentAtMs(): number {
    return this.#lastSentAtMs;
  }

  /** Writes the frame of a request: its header and its record. @see frame */
  request(maxBytes: number, xid: number, opCode: number, body: FrameBody): number {
    this.#writer.beginFrame();
    this.#writer.int(xid);
    this.#writer.int(opCode);
    return this.#endFrame(maxBytes, body);
  }

  /**
   * Writes a frame.
   *
   * @param maxBytes a longer one is taken back
   * @returns its length in bytes, without the four of the length itself
   * @throws what `body` throws; then nothing was written
   */
  frame(maxBytes: number, body: FrameBody): number {
    this.#writer.beginFrame();
    return this.#endFrame(maxBytes, body);
  }

  #endFrame(maxBytes: number, body: FrameBody): number {
    try {
      body.write(this.#writer);
    } catch (error) {
      this.#writer.discardFrame();
      throw error;
    }
    const length = this.#writer.endFrame();
    if (length > maxBytes) this.#writer.discardFrame();
    else this.#schedule();
    return length;
  }

  /** Counts the frame just written as a request, and says when it was sent: never later than it really was. */
  requestSent(): Moment {
    this.#unsent++;
    this.#tickBeganAt ??= momentOf(this.#clock);
    return this.#tickBeganAt;
  }

  /** Gives the socket all that was written. */
  readonly flush = (): void => {
    this.#flushScheduled = false;
    this.#tickBeganAt = null;
    if (this.#writer.pendingBytes === 0) return;
    this.#lastSentAtMs = this.#clock.now();
    this.#unsent = 0;
    this.#congested = !this.#write(this.#writer.take());
  };

  /** The socket takes bytes again. */
  drained(): void {
    this.#congested = false;
  }

  #schedule(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#clock.afterTick(this.flush);
  }
}
