/**
 * Decides whether a handshake for a new session states the last zxid that this client has seen of the servers' history.
 *
 * A server whose own history is behind that zxid closes such a handshake without an answer. The server may be about to catch up, or the
 * ensemble may have come back without its data. Once every server that accepts connections has closed a handshake, the next handshake
 * withholds the zxid. The client then asks the server that answers how far its history goes. Pure: the class does no I/O.
 */
export class HistoryCheck {
  readonly #closedBy = new Set<string>();
  #isInDoubt = false;

  /** Whether the next handshake must withhold the last zxid seen. */
  get isInDoubt(): boolean {
    return this.#isInDoubt;
  }

  /** Notes that a server closed the handshake without an answer. When the same server does so again, all other servers have been tried. */
  closedBy(server: string): void {
    if (this.#closedBy.has(server)) this.#isInDoubt = true;
    this.#closedBy.add(server);
  }

  /** Resets the check after a server has reported how far its history goes. */
  settle(): void {
    this.#isInDoubt = false;
    this.#closedBy.clear();
  }
}
