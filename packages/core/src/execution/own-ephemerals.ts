/**
 * The ephemerals that this process has on the servers, by the session that owns them. If a session is given up while the
 * servers keep it alive, its ephemerals are removed by path: otherwise this process would wait behind itself.
 */
export class OwnEphemerals {
  readonly #bySession = new Map<bigint, Set<string>>();

  /** Notes an ephemeral that exists, or that a request under way may create. @returns whether it was not noted before */
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

  /** Notes that a session has no ephemeral of that path any more. */
  remove(sessionId: bigint, realPath: string): void {
    this.#bySession.get(sessionId)?.delete(realPath);
  }

  /** Whether anything is noted of a session. */
  has(sessionId: bigint): boolean {
    return (this.#bySession.get(sessionId)?.size ?? 0) > 0;
  }

  /** Takes out all that is noted of a session. */
  take(sessionId: bigint): readonly string[] {
    const paths = this.#bySession.get(sessionId);
    this.#bySession.delete(sessionId);
    return [...(paths ?? [])];
  }

  /** Forgets all sessions for which that is `false`: the servers have ended them. */
  keepOnly(mayLive: (sessionId: bigint) => boolean): void {
    for (const sessionId of this.#bySession.keys()) if (!mayLive(sessionId)) this.#bySession.delete(sessionId);
  }
}
