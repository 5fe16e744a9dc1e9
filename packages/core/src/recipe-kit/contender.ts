/** Somebody who holds a lock or waits for it, in whatever process and language. */
export interface Contender {
  /** Its znode. */
  readonly path: string;
  /**
   * What its znode holds, as text: who it is, `<host name>:<process id>` unless its options say otherwise. `null` if that is nothing, no
   * text, or overwritten by the wish to have the lock back. Curator writes an IP address by default.
   */
  readonly id: string | null;
  /** Session that its znode belongs to. */
  readonly sessionId: bigint;
  /** When its znode was created, by the server's clock. */
  readonly since: Date;
  /** The same in milliseconds since 1970. @deprecated It reads like a duration: use `since`. */
  readonly sinceMs: number;
  /** That a holder knows of it, and still lives, nobody can tell from outside. */
  readonly state: 'holding' | 'waiting';
  /** How many stand before it in the line. */
  readonly position: number;
}
