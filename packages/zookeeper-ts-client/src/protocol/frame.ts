import { MarshallingError } from '../errors/errors.js';
import { JuteReader } from '../jute/reader.js';

/** Size in bytes of the length field before every frame. */
export const FRAME_HEADER_BYTES = 4;

/** Default of ZooKeeper's `jute.maxbuffer`, in bytes. */
export const DEFAULT_MAX_FRAME_BYTES = 0xfffff;

interface Chunk {
  readonly bytes: Buffer;
  /** View that begins at the same byte as `bytes` and may end later. */
  readonly view: DataView;
  offset: number;
}

/** Number of bytes that are read of an oversized frame: the xid, the zxid and the error code of a reply. */
const PREFIX_BYTES = 16;

/**
 * Decoder that splits a stream of chunks into frames. A frame within one chunk is read in place; a frame that spans several chunks is
 * copied.
 */
export class FrameDecoder {
  readonly #maxFrameBytes: number;
  #chunks: Chunk[] = [];
  /** Newest view. A caller that always reads into the same memory needs only one view. */
  #view: DataView = new DataView(new ArrayBuffer(0));
  readonly #reader = new JuteReader();
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES);
  #headerFilled = 0;
  /** Frame that spans several chunks; `null` when there is none. */
  #straddling: Buffer | null = null;
  #straddlingFilled = 0;
  /**
   * Returns, from the first 16 bytes of an oversized frame, the size up to which such a frame is read in full. `null`: an oversized
   * frame ends the stream.
   */
  #largest: ((prefix: JuteReader) => number) | null = null;
  /** Length of the oversized frame whose first bytes are being read; 0 when there is none. */
  #cutBytes = 0;
  /** Number of bytes of an oversized frame that are still to be discarded. */
  #bytesToDiscard = 0;
  #oversizedBytes = 0;

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /**
   * Keeps the stream open after a frame above the limit: `next` returns the first 16 bytes of that frame, and the decoder discards the
   * rest.
   *
   * @param largest returns, from those 16 bytes, the length up to which the frame is read in full. Default: 0, no oversized frame is
   *   read in full
   */
  cutOversized(largest: (prefix: JuteReader) => number = () => 0): void {
    this.#largest = largest;
  }

  /**
   * Length of the frame that `next` has returned, if it is above the limit; the reader then contains only its first 16 bytes.
   * Otherwise 0.
   */
  get oversizedBytes(): number {
    return this.#oversizedBytes;
  }

  /**
   * Adds the next bytes of the stream. The caller must not change the bytes until `next` has returned `null` or the caller has called
   * `keep`.
   */
  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (this.#view.buffer !== bytes.buffer || this.#view.byteOffset !== bytes.byteOffset) {
      this.#view = new DataView(bytes.buffer, bytes.byteOffset);
    }
    this.#chunks.push({ bytes, view: this.#view, offset: 0 });
  }

  /** Copies the unread bytes, so that the caller may reuse the memory of the chunks. */
  keep(): void {
    const chunks = this.#chunks;
    this.#chunks = [];
    for (const { bytes, offset } of chunks) this.push(Buffer.from(bytes.subarray(offset)));
  }

  /**
   * Returns the next complete frame; `null` until more bytes arrive. The reader belongs to the decoder and is valid until the next
   * call.
   *
   * @throws {MarshallingError} when the length is negative or above the limit; the decoder cannot read the stream after that
   */
  next(): JuteReader | null {
    this.#oversizedBytes = 0;
    for (let chunk = this.#chunks[0]; chunk !== undefined; chunk = this.#chunks[0]) {
      const frame = this.#readIn(chunk);
      if (chunk.offset === chunk.bytes.length) this.#chunks.shift();
      if (frame !== null) return frame;
    }
    return null;
  }

  #readIn(chunk: Chunk): JuteReader | null {
    if (this.#bytesToDiscard > 0) {
      const discarded = Math.min(this.#bytesToDiscard, chunk.bytes.length - chunk.offset);
      this.#bytesToDiscard -= discarded;
      chunk.offset += discarded;
      return null;
    }
    return this.#straddling === null ? this.#nextIn(chunk) : this.#continueIn(chunk, this.#straddling);
  }

  #nextIn(chunk: Chunk): JuteReader | null {
    const available = chunk.bytes.length - chunk.offset;
    let length: number;
    if (this.#headerFilled === 0 && available >= FRAME_HEADER_BYTES) {
      length = chunk.view.getInt32(chunk.offset);
      chunk.offset += FRAME_HEADER_BYTES;
    } else {
      const wanted = Math.min(FRAME_HEADER_BYTES - this.#headerFilled, available);
      chunk.bytes.copy(this.#header, this.#headerFilled, chunk.offset, chunk.offset + wanted);
      this.#headerFilled += wanted;
      chunk.offset += wanted;
      if (this.#headerFilled < FRAME_HEADER_BYTES) return null;
      this.#headerFilled = 0;
      length = this.#header.readInt32BE(0);
    }
    if (this.#largest !== null && length > this.#maxFrameBytes && length > PREFIX_BYTES) {
      this.#cutBytes = length;
      length = PREFIX_BYTES;
    } else if (length < 0 || length > this.#maxFrameBytes) {
      throw new MarshallingError(
        `frame of ${length} bytes, where at most ${this.#maxFrameBytes} are allowed (maxFrameBytes)`,
      );
    }
    const start = chunk.offset;
    if (this.#cutBytes === 0 && chunk.bytes.length - start >= length) {
      chunk.offset += length;
      return this.#reader.reset(chunk.bytes, chunk.view, start, start + length, true);
    }
    this.#straddling = Buffer.allocUnsafeSlow(length);
    this.#straddlingFilled = 0;
    return this.#continueIn(chunk, this.#straddling);
  }

  #continueIn(chunk: Chunk, frame: Buffer): JuteReader | null {
    const copied = chunk.bytes.copy(frame, this.#straddlingFilled, chunk.offset);
    this.#straddlingFilled += copied;
    chunk.offset += copied;
    if (this.#straddlingFilled < frame.length) return null;
    this.#straddling = null;
    return this.#cutBytes === 0 ? this.#read(frame) : this.#endCut(frame);
  }

  /** Handles the first bytes of an oversized frame: either reads the frame in full, or discards the remaining bytes as they arrive. */
  #endCut(prefix: Buffer): JuteReader | null {
    const length = this.#cutBytes;
    this.#cutBytes = 0;
    if (length <= (this.#largest?.(this.#read(prefix)) ?? 0)) {
      this.#straddling = Buffer.allocUnsafeSlow(length);
      this.#straddlingFilled = prefix.copy(this.#straddling);
      return null;
    }
    this.#oversizedBytes = length;
    this.#bytesToDiscard = length - PREFIX_BYTES;
    return this.#read(prefix);
  }

  #read(frame: Buffer): JuteReader {
    return this.#reader.reset(frame, new DataView(frame.buffer), 0, frame.length);
  }
}
