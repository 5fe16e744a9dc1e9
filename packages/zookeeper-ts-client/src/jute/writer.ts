const SLAB_BYTES = 64 * 1024;

/**
 * Writer of jute primitives, frame after frame, into one growing slab.
 *
 * `take` returns the bytes written since the last `take` as one piece. The writer never overwrites bytes that were taken, so they need
 * no copy on the way to the socket.
 */
export class JuteWriter {
  #slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #view: DataView = new DataView(this.#slab.buffer);
  /** Offset of the first byte that has not been taken yet. */
  #start = 0;
  #offset = 0;
  #frameStart = 0;

  /** Number of bytes written and not yet taken. */
  get pendingBytes(): number {
    return this.#offset - this.#start;
  }

  /** Begins a frame. `endFrame` fills in its length. */
  beginFrame(): void {
    this.#reserve(4);
    this.#frameStart = this.#offset - this.#start;
    this.#offset += 4;
  }

  /** Ends the frame and returns its length in bytes, without the four bytes of the length field. */
  endFrame(): number {
    const at = this.#start + this.#frameStart;
    const length = this.#offset - at - 4;
    this.#view.setInt32(at, length);
    return length;
  }

  /** Removes the frame that was begun last. */
  discardFrame(): void {
    this.#offset = this.#start + this.#frameStart;
  }

  /** Returns all bytes written since the last call. The writer does not change these bytes later. */
  take(): Buffer {
    const taken = this.#slab.subarray(this.#start, this.#offset);
    this.#start = this.#offset;
    return taken;
  }

  boolean(value: boolean): void {
    this.#reserve(1);
    this.#slab[this.#offset++] = value ? 1 : 0;
  }

  int(value: number): void {
    this.#reserve(4);
    this.#view.setInt32(this.#offset, value);
    this.#offset += 4;
  }

  long(value: bigint): void {
    this.#reserve(8);
    this.#view.setBigInt64(this.#offset, value);
    this.#offset += 8;
  }

  /** Writes a buffer: its length as an int, -1 for null, then the bytes. */
  buffer(value: Uint8Array | null): void {
    if (value === null) {
      this.int(-1);
      return;
    }
    this.int(value.length);
    this.#reserve(value.length);
    this.#slab.set(value, this.#offset);
    this.#offset += value.length;
  }

  /** Writes a string: the length of its UTF-8 as an int, -1 for null, then the UTF-8. */
  ustring(value: string | null): void {
    if (value === null) {
      this.int(-1);
      return;
    }
    this.#reserve(4 + value.length * 3);
    const lengthAt = this.#offset;
    const start = lengthAt + 4;
    // Paths are short and ASCII, and for them a loop is several times faster than a call of Buffer.write.
    let end = start;
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) {
        end = start + this.#slab.write(value, start, 'utf8');
        break;
      }
      this.#slab[end++] = unit;
    }
    this.#view.setInt32(lengthAt, end - start);
    this.#offset = end;
  }

  #reserve(bytes: number): void {
    if (this.#offset + bytes <= this.#slab.length) return;
    const pending = this.#slab.subarray(this.#start, this.#offset);
    const slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, (pending.length + bytes) * 2));
    slab.set(pending);
    this.#slab = slab;
    this.#view = new DataView(slab.buffer);
    this.#offset = pending.length;
    this.#start = 0;
  }
}
