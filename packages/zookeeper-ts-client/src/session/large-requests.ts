/**
 * Size in bytes above which the client suspects a request. A server that takes no larger requests closes the connection without an answer.
 */
const SUSPICIOUS_BYTES = 64 * 1024;

/**
 * The requests for which a server may have closed the connection, because its `jute.maxbuffer` is smaller than `maxFrameBytes`. The server
 * never reports this reason. A large request is suspected if it was unanswered when the server closed the connection. From then on, the
 * client sends each request of at least that size alone. If the server closes the connection again, no other request is harmed, and the
 * request sent alone is known to be the cause.
 */
export class LargeRequests {
  #aloneFromBytes = Number.POSITIVE_INFINITY;

  /**
   * The size in bytes from which the client sends a request only while no other request is unanswered; `Infinity` while no request is
   * suspected.
   */
  get aloneFromBytes(): number {
    return this.#aloneFromBytes;
  }

  /**
   * Notes that the server closed the connection and had not answered a request of this size.
   *
   * @returns whether the request may have been the cause
   */
  suspect(bytes: number): boolean {
    if (bytes <= SUSPICIOUS_BYTES) return false;
    this.#aloneFromBytes = Math.min(this.#aloneFromBytes, bytes);
    return true;
  }

  /** Notes that the server has answered a request of this size. */
  acquit(bytes: number): void {
    if (bytes >= this.#aloneFromBytes) this.#aloneFromBytes = bytes + 1;
  }
}
