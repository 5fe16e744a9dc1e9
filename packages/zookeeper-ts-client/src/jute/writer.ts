const SLAB_BYTES = 64 * 1024;

/**
 * Writes jute primitives, frame after frame, into one growing slab. What was written since the last `take` leaves as one
 * piece; bytes that were taken are never written again, so they need no copy on their way to the socket.
 */
export class JuteWriter {
  #slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #view: DataView = new DataView(this.#slab.buffer);
  /** Start of what has not been taken yet. */
  #start = 0;
  #offset = 0;
  #frameStart = 0;

  /** Bytes written and not yet taken. */
  get pendingBytes(): number {
    return this.#offset - this.#start;
  }

  /** Begins a frame: its length is filled in by `endFrame`. */
  beginFrame(): void {
    this.#reserve(4);
    this.#frameStart = this.#offset - this.#start;
    this.#offset += 4;
  }

  /** Ends the frame and returns its length in bytes, without the four of the length itself. */
  endFrame(): number {
    const at = this.#start + this.#frameStart;
    const length = this.#offset - at - 4;
    this.#view.setInt32(at, length);
    return length;
  }

  /** Forgets the frame begun last, as if it had never been written. */
  discardFrame(): void {
    this.#offset = this.#start + this.#frameStart;
  }

  /** Everything written since the last call. The bytes stay untouched from now on. */
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

  /** A buffer: its length in an int, -1 for null, then the bytes. */
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

  /** A string: the length of its UTF-8 in an int, -1 for null, then the UTF-8. */
  ustring(value: string | null): void {
    if (value === null) {
      this.int(-1);
      return;
    }
    this.#reserve(4 + value.length * 3);
    const lengthAt = this.#offset;
    const start = lengthAt + 4;
    // Paths are short and ASCII: a loop here is several times cheaper than the call into Buffer.write.
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
