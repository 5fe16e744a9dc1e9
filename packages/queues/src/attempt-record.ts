import * as z from 'zod/mini';

/**
 * Record of the attempts at an item that was handed out before. The first claim creates it, each later claim writes it, and it is removed
 * with the item. A consumer writes it only with a claim. The record has its own znode beside the queue, because Curator does not expect it
 * in the item's znode.
 */
export interface AttemptRecord {
  /** Number of claims that were attempts to work on the item. */
  readonly attempts: number;
  /** Uuid of the current or last claim; `null` after the item was released. */
  readonly claim: string | null;
  /**
   * Earliest time for handing out the item again, in milliseconds since 1970, by the clock of the consumer that released it. 0 for at once.
   */
  readonly notBeforeMs: number;
  /**
   * Longest time in milliseconds for which a consumer defers the item, from the moment when the consumer first sees this record; `Infinity`
   * for no limit. It limits the wait of a consumer whose wall clock was set back, or is behind.
   */
  readonly delayMs: number;
  /** Reason why the last attempt failed; `null` if none was given. */
  readonly reason: string | null;
}

/** Largest length of a reason, in characters. Reasons are for people, and a stack may have megabytes. */
const LONGEST_REASON = 1_000;

/** Time in milliseconds for which an item is deferred that can neither be read nor become a dead letter. */
export const LEFT_ALONE_MS = 60_000;

/** Returns the part of a record that defers an item for a minute. @param wallNowMs the time now, in milliseconds since 1970 */
export function leftAlone(wallNowMs: number): Pick<AttemptRecord, 'notBeforeMs' | 'delayMs'> {
  return { notBeforeMs: wallNowMs + LEFT_ALONE_MS, delayMs: LEFT_ALONE_MS };
}

/** Record that is assumed if there is none, or none that can be read. */
export const NO_ATTEMPTS: AttemptRecord = {
  attempts: 0,
  claim: null,
  notBeforeMs: 0,
  delayMs: Number.POSITIVE_INFINITY,
  reason: null,
};

const schema = z.object({
  attempts: z.catch(z.int().check(z.minimum(0)), NO_ATTEMPTS.attempts),
  claim: z.catch(z.nullable(z.string()), NO_ATTEMPTS.claim),
  notBeforeMs: z.catch(z.number().check(z.minimum(0)), NO_ATTEMPTS.notBeforeMs),
  // JSON has no `Infinity`, and writes `null` for it.
  delayMs: z.catch(z.number().check(z.minimum(0)), NO_ATTEMPTS.delayMs),
  reason: z.catch(z.nullable(z.string()), NO_ATTEMPTS.reason),
});

/** Encodes a record for its znode. */
export function encodeRecord({ attempts, claim, notBeforeMs, delayMs, reason }: AttemptRecord): Buffer {
  return Buffer.from(
    JSON.stringify({ attempts, claim, notBeforeMs, delayMs, reason: reason?.slice(0, LONGEST_REASON) ?? null }),
  );
}

/** Decodes the record of a znode. Fields that cannot be read get the values of `NO_ATTEMPTS`. */
export function decodeRecord(data: Buffer | null): AttemptRecord {
  try {
    return schema.safeParse(JSON.parse(data?.toString() ?? '')).data ?? NO_ATTEMPTS;
  } catch (error) {
    if (error instanceof SyntaxError) return NO_ATTEMPTS;
    throw error;
  }
}
