/** Longest frame that is taken for one; ZooKeeper's own limit is 1 MiB unless configured otherwise. */
const maxFrameBytes = 64 * 1024 * 1024;

/** Cuts a stream of bytes into ZooKeeper's frames: a length of four bytes, then as many bytes. */
export class FrameSplitter {
  #rest: Buffer = Buffer.alloc(0);
  #isOpaque = false;

  /** Whether the stream turned out to be none of frames, as that of a four-letter word. */
  get isOpaque(): boolean {
    return this.#isOpaque;
  }

  /** Takes the next bytes; gives the frames that they complete, each with its length in front. */
  push(chunk: Buffer): Buffer[] {
    if (this.#isOpaque) return [chunk];
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Buffer[] = [];
    while (bytes.length >= 4) {
      const length = bytes.readInt32BE(0);
      if (length < 0 || length > maxFrameBytes) {
        this.#isOpaque = true;
        this.#rest = Buffer.alloc(0);
        return [...frames, bytes];
      }
      if (bytes.length < 4 + length) break;
      frames.push(bytes.subarray(0, 4 + length));
      bytes = bytes.subarray(4 + length);
    }
    this.#rest = bytes;
    return frames;
  }
}
