/** In what way a place is held: alone, beside others who read, or as one of a number of leases. */
export type Mode = 'exclusive' | 'shared' | 'lease';

/** Something held on one line. Moments are ordinals of what was seen in the run: no two things happen at the same one. */
export interface Held {
  readonly contender: string;
  /** Path of the lock. */
  readonly line: string;
  readonly mode: Mode;
  /** Leases that it takes; 1 for a lock. */
  readonly permits: number;
  readonly token: bigint;
  /** Its number in the line; of a lease: that of the place by which it was had. */
  readonly number: number;
  /** Its znodes. */
  readonly paths: readonly string[];
  /** When it was asked for, and when its holder saw that it was granted. */
  readonly asked: number;
  readonly from: number;
  /** When its holder stopped believing in it, or somebody took it away by force; infinite while it is held. */
  readonly to: number;
}

/** Somebody who tried without waiting, or not for long, and was told that others have it. */
export interface Refusal {
  readonly contender: string;
  readonly lines: readonly string[];
  readonly permits: number;
  readonly from: number;
  readonly to: number;
}

/** A znode that stood on the server. */
export interface Presence {
  readonly path: string;
  readonly line: string;
  readonly from: number;
  /** When it was found to be gone; infinite while it stands. */
  readonly to: number;
}

/** A number of leases that a line may have had: from when it was asked for until the next one was certain. */
export interface Limit {
  readonly line: string;
  readonly leases: number;
  readonly from: number;
  readonly to: number;
}

/** All that is known of a run. */
export interface History {
  readonly held: readonly Held[];
  readonly refusals: readonly Refusal[];
  readonly presences: readonly Presence[];
  readonly limits: readonly Limit[];
}
