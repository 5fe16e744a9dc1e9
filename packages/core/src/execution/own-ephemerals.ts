/**
 * Ephemerals of this process on the servers, by the session that owns them. If a session is given up while the servers keep it alive, its
 * ephemerals are removed by path: otherwise this process would wait for its own places.
 */
export class OwnEphemerals {
  readonly #bySession = new Map<bigint, Set<string>>();

  /**
   * Notes an ephemeral that exists, or that a request in progress may create.
   *
   * @returns whether it was not noted before
   */
  add(sessionId: bigint, realPath: string): boolean {
    const paths = this.#bySession.get(sessionId);
    if (paths === undefined) {
      this.#bySession.set(sessionId, new Set([realPath]));
      return true;
    }
    if (paths.has(realPath)) return false;
    paths.add(realPath);
    return true;
  }

  /** Notes that a session has no ephemeral of this path any more. */
  remove(sessionId: bigint, realPath: string): void {
    this.#bySession.get(sessionId)?.delete(realPath);
  }

  /** Returns whether any ephemeral is noted for a session. */
  has(sessionId: bigint): boolean {
    return (this.#bySession.get(sessionId)?.size ?? 0) > 0;
  }

  /** Returns and drops all paths noted for a session. */
  take(sessionId: bigint): readonly string[] {
    const paths = this.#bySession.get(sessionId);
    this.#bySession.delete(sessionId);
    return [...(paths ?? [])];
  }

  /** Drops all sessions for which `mayLive` is `false`: the servers have ended them. */
  keepOnly(mayLive: (sessionId: bigint) => boolean): void {
    for (const sessionId of this.#bySession.keys()) if (!mayLive(sessionId)) this.#bySession.delete(sessionId);
  }
}
