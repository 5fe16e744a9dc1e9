import type { EndingOptions } from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';
import type { Codec } from './codec.js';

/** Options of a queue. All producers and consumers of a queue should use the same options. */
export interface QueueOptions<T> {
  /** Codec that converts values to bytes. Default: `jsonCodec()`, which accepts every value that JSON can hold and checks nothing. */
  readonly codec?: Codec<T> | undefined;
  /**
   * Longest time in milliseconds for `decode` of the codec. Default 60,000; from 1 to 2^31-1. An item that takes longer counts as
   * unreadable for now. The consumer reports a background error, and the item is not handed out for a minute.
   */
  readonly decodeTimeoutMs?: number | undefined;
  /** Largest number of times that an item is handed out before it becomes a dead letter. Default infinite; from 1. */
  readonly maxAttempts?: number | undefined;
  /** Path of the dead letters, which form a queue themselves. Default: `<path>-dead-letters`. */
  readonly deadLetterPath?: string | undefined;
  /** Largest number of items in the queue, including items in flight. A producer that puts more waits. Default infinite; from 1. */
  readonly maxItems?: number | undefined;
  /** Path of the claims: Curator's `lockPath`. Default: `<path>-side/claims`. */
  readonly lockPath?: string | undefined;
}

/** Options of a call. */
export interface CallOptions {
  /** Gives up when it aborts: the call rejects with the signal's reason. The server may still execute a request that was already sent. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `consume`. */
export interface ConsumeOptions extends CallOptions, EndingOptions {
  /** Largest number of unsettled deliveries. Default 1; from 1. */
  readonly concurrency?: number | undefined;
}

/** Options of `process`. */
export interface ProcessOptions extends EndingOptions {
  /** Ends `process` when it aborts: the consumer hands out no more items, and waits for the running handlers. */
  readonly signal?: AbortSignal | undefined;
  /** Largest number of items that are worked on at once. Default 1; from 1. */
  readonly concurrency?: number | undefined;
  /**
   * Number of items that the consumer claims ahead. Default 0; from 0 to 1,000. More than 0 needs a `maxAttempts` of 2 or more.
   *
   * The next item is then available when a handler ends, and no handler waits for the reply to an acknowledgement. Use it for work that
   * takes no longer than a round trip. Other consumers do not get an item that is claimed ahead. If the process crashes, the claim counts
   * as an attempt, once for each item: an item that was claimed before is not claimed ahead.
   */
  readonly prefetch?: number | undefined;
  /**
   * Returns the milliseconds until an item whose handler threw is handed out again, from the item's number of attempts. Default: 1,000 at
   * first, doubled with each attempt, at most 60,000.
   */
  readonly retryDelayMs?: ((attempts: number) => number) | undefined;
}

/** Default of `decodeTimeoutMs`, in milliseconds. */
export const DECODE_TIMEOUT_MS = 60_000;

const timeoutMs = z.optional(z.number().check(z.minimum(0), z.maximum(2 ** 31 - 1)));
const signal = z.optional(z.instanceof(AbortSignal));
const path = z.optional(z.string().check(z.startsWith('/', "a path that starts with '/'")));
const count = z.optional(z.union([z.int().check(z.minimum(1)), z.literal(Number.POSITIVE_INFINITY)]));
const codec = z.optional(
  z.custom<Codec<unknown>>((value) => {
    const { encode, decode } = (value ?? {}) as Partial<Codec<unknown>>;
    return typeof encode === 'function' && typeof decode === 'function';
  }, 'an object with the functions `encode` and `decode`'),
);
const int32 = z.int().check(z.minimum(-(2 ** 31)), z.maximum(2 ** 31 - 1));
const moment = z.date().check(z.refine((date) => date.getTime() >= 0, 'a Date since 1970'));
const decodeTimeoutMs = z.optional(z.int().check(z.minimum(1), z.maximum(2 ** 31 - 1)));

/** Schemas of the options. */
export const schemas: Readonly<
  Record<'queue' | 'sharded' | 'call' | 'consume' | 'process' | 'priority' | 'delay' | 'id', z.ZodMiniType>
> = {
  queue: z.strictObject({
    codec,
    decodeTimeoutMs,
    maxAttempts: count,
    deadLetterPath: path,
    maxItems: count,
    lockPath: path,
  }),
  sharded: z.strictObject({
    codec,
    decodeTimeoutMs,
    maxAttempts: count,
    deadLetterPath: path,
    shards: z.optional(z.int().check(z.minimum(1), z.maximum(1_000))),
  }),
  call: z.strictObject({ signal }),
  consume: z.strictObject({ signal, timeoutMs, concurrency: z.optional(z.int().check(z.minimum(1))) }),
  process: z.strictObject({
    signal,
    timeoutMs,
    concurrency: z.optional(z.int().check(z.minimum(1))),
    prefetch: z.optional(z.int().check(z.minimum(0), z.maximum(1_000))),
    retryDelayMs: z.optional(z.custom((value) => typeof value === 'function', 'a function')),
  }),
  priority: z.strictObject({ signal, priority: z.optional(int32) }),
  delay: z
    .strictObject({
      signal,
      delayMs: z.optional(z.number().check(z.minimum(0), z.maximum(2 ** 40))),
      at: z.optional(moment),
    })
    .check(
      z.refine(
        (options) => options.delayMs === undefined || options.at === undefined,
        'an object with `delayMs` or `at`, not both',
      ),
    ),
  id: z.strictObject({ signal, id: z.string().check(z.minLength(1)) }),
};
