import { JuteWriter } from '../jute/writer.js';
import { type Clock, type Moment, momentOf } from './clock.js';

/** Number of bytes written in one tick beyond which requests wait for the socket. */
const HIGH_WATER_BYTES = 1024 * 1024;

/** The contents of a frame. */
export interface FrameBody {
  write(writer: JuteWriter): void;
}

/**
 * The frames that are on their way to the socket. The outbox gives all frames of one tick to the socket in a single write at the end of the
 * tick.
 */
export class Outbox {
  readonly #clock: Clock;
  readonly #write: (bytes: Buffer) => boolean;
  readonly #writer = new JuteWriter();
  #flushScheduled = false;
  #congested = false;
  /** Number of requests that are written and not yet given to the socket. */
  #unsent = 0;
  /** The moment at which the first request of this tick was written; the outbox reads the clocks once per tick. */
  #tickBeganAt: Moment | null = null;
  #lastSentAtMs: number;

  /** @param write gives bytes to the socket; returns `false` when the socket takes no more bytes until `drained` */
  constructor(clock: Clock, write: (bytes: Buffer) => boolean) {
    this.#clock = clock;
    this.#write = write;
    this.#lastSentAtMs = clock.now();
  }

  /** Whether the outbox has room for more frames. */
  get hasRoom(): boolean {
    return !this.#congested && this.#writer.pendingBytes < HIGH_WATER_BYTES;
  }

  /** Number of requests that the socket has certainly not received: the requests that were written last. */
  get unsentRequests(): number {
    return this.#unsent;
  }

  /** Monotonic milliseconds at which the outbox last gave bytes to the socket; at first, the time of construction. */
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
   * @param maxBytes the largest length; a longer frame is discarded
   * @returns the length of the frame in bytes, without the 4 bytes of the length itself
   * @throws the error that `body` throws; the outbox then contains nothing of the frame
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

  /** Counts the frame just written as a request, and returns the moment at which it was sent: never later than the real moment. */
  requestSent(): Moment {
    this.#unsent++;
    this.#tickBeganAt ??= momentOf(this.#clock);
    return this.#tickBeganAt;
  }

  /** Gives all written frames to the socket. */
  readonly flush = (): void => {
    this.#flushScheduled = false;
    this.#tickBeganAt = null;
    if (this.#writer.pendingBytes === 0) return;
    this.#lastSentAtMs = this.#clock.now();
    this.#unsent = 0;
    this.#congested = !this.#write(this.#writer.take());
  };

  /** Notes that the socket takes bytes again. */
  drained(): void {
    this.#congested = false;
  }

  #schedule(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#clock.afterTick(this.flush);
  }
}
