import { MarshallingError } from '../errors/errors.js';
import { JuteReader } from '../jute/reader.js';

/** Bytes of the length in front of every frame. */
export const FRAME_HEADER_BYTES = 4;

/** `jute.maxbuffer` of ZooKeeper unless configured otherwise. */
export const DEFAULT_MAX_FRAME_BYTES = 0xfffff;

interface Chunk {
  readonly bytes: Buffer;
  /** Begins where `bytes` does; may end later. */
  readonly view: DataView;
  offset: number;
}

/** Bytes of a frame that is too large which are read all the same: a reply's number, transaction and error code. */
const PREFIX_BYTES = 16;

/** Cuts a stream of chunks into frames. A frame that lies in one chunk is read where it is; only one that straddles chunks is copied. */
export class FrameDecoder {
  readonly #maxFrameBytes: number;
  #chunks: Chunk[] = [];
  /** The newest view: whoever reads into the same memory every time needs but one. */
  #view: DataView = new DataView(new ArrayBuffer(0));
  readonly #reader = new JuteReader();
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES);
  #headerFilled = 0;
  /** The frame that straddles chunks, `null` when none is under way. */
  #straddling: Buffer | null = null;
  #straddlingFilled = 0;
  /** The largest frame that is read whole, by its first 16 bytes; `null` where a frame above the limit ends the stream. */
  #largest: ((prefix: JuteReader) => number) | null = null;
  /** Length of the frame above the limit of which the first bytes are read now. */
  #cutBytes = 0;
  /** Bytes of such a frame that are still to be discarded. */
  #bytesToDiscard = 0;
  #oversizedBytes = 0;

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /**
   * From now on a frame above the limit does not end the stream: `next` gives its first 16 bytes, and the rest is discarded.
   *
   * @param largest by those 16 bytes, the length up to which the frame is read whole nevertheless. Default: none is
   */
  cutOversized(largest: (prefix: JuteReader) => number = () => 0): void {
    this.#largest = largest;
  }

  /** Length of the frame that `next` has returned, if it is above the limit: the reader has only the first 16 bytes of it. Else 0. */
  get oversizedBytes(): number {
    return this.#oversizedBytes;
  }

  /** Takes the next bytes of the stream. They must stay as they are until `next` has returned `null`, or `keep` was called. */
  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (this.#view.buffer !== bytes.buffer || this.#view.byteOffset !== bytes.byteOffset) {
      this.#view = new DataView(bytes.buffer, bytes.byteOffset);
    }
    this.#chunks.push({ bytes, view: this.#view, offset: 0 });
  }

  /** Copies what has not been read yet, so that the memory of the chunks may be used again. */
  keep(): void {
    const chunks = this.#chunks;
    this.#chunks = [];
    for (const { bytes, offset } of chunks) this.push(Buffer.from(bytes.subarray(offset)));
  }

  /**
   * The next whole frame, or `null` until more bytes come. The reader is the decoder's own and valid until the next call.
   * @throws MarshallingError if the length is negative or above the limit; the stream cannot be read on then
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

  /** The first bytes of a frame above the limit are read: the others are discarded as they come, unless it is to be read whole. */
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
