import { MarshallingError } from '../errors/errors.js';

/**
 * Share of the underlying memory up to which data is copied. Otherwise a few bytes that the caller keeps would keep the whole memory
 * alive.
 */
const VIEW_SHARE = 0.5;

/** Reader of jute primitives in one frame, without a copy of the frame. The reader checks every length before it uses it. */
export class JuteReader {
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #start = 0;
  #offset = 0;
  #end = 0;
  #lent = false;

  /** Creates a reader of all of `bytes`. */
  static over(bytes: Uint8Array): JuteReader {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new JuteReader().reset(buffer, view, 0, buffer.length);
  }

  /**
   * Points the reader at a frame: the bytes of `bytes` from `start` to `end`, exclusive. `view` covers the same bytes.
   *
   * @param lent whether the memory will be reused, so that the reader must copy all data. Default false
   */
  reset(bytes: Buffer, view: DataView, start: number, end: number, lent = false): this {
    this.#bytes = bytes;
    this.#view = view;
    this.#start = start;
    this.#offset = start;
    this.#end = end;
    this.#lent = lent;
    return this;
  }

  /** Number of unread bytes of the frame. */
  get remaining(): number {
    return this.#end - this.#offset;
  }

  /** Byte offset in the frame, for error messages. */
  get position(): number {
    return this.#offset - this.#start;
  }

  /** Reads ahead: the next read begins at the same offset again. */
  peek<T>(read: (reader: this) => T): T {
    const offset = this.#offset;
    try {
      return read(this);
    } finally {
      this.#offset = offset;
    }
  }

  boolean(): boolean {
    return this.#bytes[this.#advance(1)] !== 0;
  }

  int(): number {
    return this.#view.getInt32(this.#advance(4));
  }

  long(): bigint {
    return this.#view.getBigInt64(this.#advance(8));
  }

  /** Reads a long that is a time or a duration, as a number; exact up to 2^53. */
  longAsNumber(): number {
    const at = this.#advance(8);
    return this.#view.getInt32(at) * 0x1_0000_0000 + this.#view.getUint32(at + 4);
  }

  buffer(): Buffer | null {
    const length = this.#length('buffer');
    if (length < 0) return null;
    const at = this.#advance(length);
    const view = this.#bytes.subarray(at, at + length);
    return this.#lent || length <= this.#bytes.length * VIEW_SHARE ? Buffer.from(view) : view;
  }

  ustring(): string | null {
    const length = this.#length('string');
    if (length < 0) return null;
    const at = this.#advance(length);
    const text = this.#bytes.toString('utf8', at, at + length);
    return text.includes('\ufffd') ? decodeCesu8(this.#bytes.subarray(at, at + length)) : text;
  }

  /** Reads a vector: its count as an int, -1 for null, then the elements. */
  vector<T>(element: (reader: this) => T): T[] | null {
    const count = this.int();
    if (count === -1) return null;
    // Each element has at least one byte: a count larger than the rest of the frame is wrong, and must not cause an allocation.
    if (count < 0 || count > this.remaining)
      throw new MarshallingError(`vector of ${count} elements`, this.position - 4);
    const elements: T[] = [];
    for (let i = 0; i < count; i++) elements.push(element(this));
    return elements;
  }

  #length(what: string): number {
    const length = this.int();
    if (length < -1 || length > this.remaining)
      throw new MarshallingError(`${what} of ${length} bytes`, this.position - 4);
    return length;
  }

  #advance(bytes: number): number {
    const at = this.#offset;
    if (bytes > this.#end - at)
      throw new MarshallingError(`frame ends within a value of ${bytes} bytes`, this.position);
    this.#offset = at + bytes;
    return at;
  }
}

/**
 * Decodes UTF-8 in which a character above U+FFFF may be written as two surrogates of three bytes each, as Java's jute writes it.
 * Other malformed bytes become U+FFFD.
 */
function decodeCesu8(bytes: Buffer): string {
  let text = '';
  let start = 0;
  for (let i = 0; i + 5 < bytes.length; i++) {
    if (!isSurrogate(bytes, i, 0xa0) || !isSurrogate(bytes, i + 3, 0xb0)) continue;
    text += bytes.toString('utf8', start, i);
    text += String.fromCharCode(surrogate(bytes, i), surrogate(bytes, i + 3));
    i += 5;
    start = i + 1;
  }
  return text + bytes.toString('utf8', start);
}

function isSurrogate(bytes: Buffer, at: number, half: number): boolean {
  const second = bytes[at + 1] ?? 0;
  return bytes[at] === 0xed && (second & 0xf0) === half && ((bytes[at + 2] ?? 0) & 0xc0) === 0x80;
}

function surrogate(bytes: Buffer, at: number): number {
  return 0xd000 | (((bytes[at + 1] ?? 0) & 0x3f) << 6) | ((bytes[at + 2] ?? 0) & 0x3f);
}
