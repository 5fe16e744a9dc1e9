/**
 * Decides whether a handshake for a new session says what this client has seen of the servers' history.
 *
 * A server closes such a handshake without a word when its own history is behind: it may be about to catch up, or the
 * ensemble may have come back without its data. Once every server that accepts connections has closed one, the next
 * handshake keeps back what was seen, and the server that answers is asked how far its history goes. Pure.
 */
export class HistoryCheck {
  readonly #closedBy = new Set<string>();
  #isInDoubt = false;

  /** Whether the next handshake has to keep back what was seen. */
  get isInDoubt(): boolean {
    return this.#isInDoubt;
  }

  /** A server closed the handshake without a word. A second time, all others had their turn. */
  closedBy(server: string): void {
    if (this.#closedBy.has(server)) this.#isInDoubt = true;
    this.#closedBy.add(server);
  }

  /** A server has said how far its history goes, or was never asked. */
  settle(): void {
    this.#isInDoubt = false;
    this.#closedBy.clear();
  }
}
