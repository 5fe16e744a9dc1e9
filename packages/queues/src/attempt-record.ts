import * as z from 'zod/mini';

/**
 * What is known of an item that was handed out before: kept in a znode beside the queue, since in the item's own znode Curator would not
 * expect it. Made by the first claim, written by each that follows, removed with the item; who may write it has claimed the item.
 */
export interface AttemptRecord {
  /** How often the item was claimed to be worked on. */
  readonly attempts: number;
  /** The claim that stands, by its uuid, or stood last; `null` after it was given back. */
  readonly claim: string | null;
  /** Before when the item is not to be handed out again: milliseconds since 1970, by the clock of who said so. 0 for at once. */
  readonly notBeforeMs: number;
  /**
   * How long a consumer leaves the item alone at most, from when it first sees this record: milliseconds, `Infinity` for no bound. Bounds the wait
   * of a consumer whose wall clock was set back, or is behind.
   */
  readonly delayMs: number;
  /** Why the last attempt came to nothing, as far as anybody said. */
  readonly reason: string | null;
}

/** Reasons are for people; a stack would not be the first to be megabytes long. */
const LONGEST_REASON = 1_000;

/** How long an item that can be neither read nor put aside is left alone, in milliseconds. */
export const LEFT_ALONE_MS = 60_000;

/** Returns what a record says of an item that is left alone for a minute. @param wallNowMs the time now, in milliseconds since 1970 */
export function leftAlone(wallNowMs: number): Pick<AttemptRecord, 'notBeforeMs' | 'delayMs'> {
  return { notBeforeMs: wallNowMs + LEFT_ALONE_MS, delayMs: LEFT_ALONE_MS };
}

/** What is assumed where nothing is known, or nothing that can be read. */
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

/** The record as its znode holds it. */
export function encodeRecord({ attempts, claim, notBeforeMs, delayMs, reason }: AttemptRecord): Buffer {
  return Buffer.from(
    JSON.stringify({ attempts, claim, notBeforeMs, delayMs, reason: reason?.slice(0, LONGEST_REASON) ?? null }),
  );
}

/** The record of a znode. What cannot be read of it counts as not known. */
export function decodeRecord(data: Buffer | null): AttemptRecord {
  try {
    return schema.safeParse(JSON.parse(data?.toString() ?? '')).data ?? NO_ATTEMPTS;
  } catch (error) {
    if (error instanceof SyntaxError) return NO_ATTEMPTS;
    throw error;
  }
}
