/** Contender of any process and language that holds a lock or waits for it. */
export interface Contender {
  /** Path of its znode. */
  readonly path: string;
  /**
   * Data of its znode as text: the identity of the contender, `<host name>:<process id>` unless its options say otherwise. `null` if
   * there is no data, if the data is not text, or if a revocation request has overwritten the data. Curator writes an IP address by
   * default.
   */
  readonly id: string | null;
  /** Session that owns its znode. */
  readonly sessionId: bigint;
  /** Creation time of its znode, by the server's clock. */
  readonly since: Date;
  /** The same in milliseconds since 1970. @deprecated It reads like a duration: use `since`. */
  readonly sinceMs: number;
  /** State by the order of the line. An observer cannot tell whether a holder knows of its hold, or is still alive. */
  readonly state: 'holding' | 'waiting';
  /** Number of places ahead of it in the line. */
  readonly position: number;
}
