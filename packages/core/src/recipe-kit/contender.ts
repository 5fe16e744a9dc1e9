/** Somebody who holds a lock or waits for it, in whatever process and language. */
export interface Contender {
  /** Its znode. */
  readonly path: string;
  /** What its znode holds, as text: who it is. `null` if that is nothing, no text, or overwritten by the wish to have the lock back. */
  readonly id: string | null;
  /** Session that its znode belongs to. */
  readonly sessionId: bigint;
  /** When its znode was created, by the server's clock: milliseconds since 1970. */
  readonly sinceMs: number;
  /** That a holder knows of it, and still lives, nobody can tell from outside. */
  readonly state: 'holding' | 'waiting';
  /** How many stand before it in the line. */
  readonly position: number;
}
