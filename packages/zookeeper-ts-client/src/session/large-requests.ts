/** A server that takes no larger requests closes the connection without a word. Only a request of more bytes than this is suspected. */
const SUSPICIOUS_BYTES = 64 * 1024;

/**
 * Which requests a server may have closed the connection for, since its `jute.maxbuffer` is smaller than `maxFrameBytes`. The server never says
 * so. A large request that was unanswered when the server closed the connection is suspected; from then on a request of its size or more goes
 * alone: when the connection is closed again, no other request is harmed, and this one is known to be the cause.
 */
export class LargeRequests {
  #aloneFromBytes = Number.POSITIVE_INFINITY;

  /** The size in bytes from which on a request is to be sent while no other one is unanswered; `Infinity` while none is suspected. */
  get aloneFromBytes(): number {
    return this.#aloneFromBytes;
  }

  /**
   * The server closed the connection and had not answered a request of that size.
   *
   * @returns whether the request may have been the cause
   */
  suspect(bytes: number): boolean {
    if (bytes <= SUSPICIOUS_BYTES) return false;
    this.#aloneFromBytes = Math.min(this.#aloneFromBytes, bytes);
    return true;
  }

  /** The server has answered a request of that size. */
  acquit(bytes: number): void {
    if (bytes >= this.#aloneFromBytes) this.#aloneFromBytes = bytes + 1;
  }
}
