import type { EndingOptions } from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';
import type { Codec } from './codec.js';

/** How a queue is made. All who use it should say the same. */
export interface QueueOptions<T> {
  /** How values become bytes. Default: `jsonCodec()`, which takes whatever JSON can hold and checks nothing. */
  readonly codec?: Codec<T> | undefined;
  /**
   * How long `decode` of the codec may take, in milliseconds: 1 to 2^31-1, 60,000 by default. An item that takes longer counts as one that cannot
   * be read for now: it is left alone for a minute, and told as a background error.
   */
  readonly decodeTimeoutMs?: number | undefined;
  /** How often an item is handed out at most; then it becomes a dead letter. 1 or more; infinite by default. */
  readonly maxAttempts?: number | undefined;
  /** Where dead letters go: a queue itself. Default: `<path>-dead-letters`. */
  readonly deadLetterPath?: string | undefined;
  /** How many items the queue holds at most, those that are being worked on included; who puts more waits. 1 or more; infinite by default. */
  readonly maxItems?: number | undefined;
  /** Where claims are kept: Curator's `lockPath`. Default: `<path>-side/claims`. */
  readonly lockPath?: string | undefined;
}

/** How to ask for something. */
export interface CallOptions {
  /** Gives up: rejects with its reason. What was sent may be executed none the less. */
  readonly signal?: AbortSignal | undefined;
}

/** How to consume a queue. */
export interface ConsumeOptions extends CallOptions, EndingOptions {
  /** How many deliveries may be unsettled at once: 1 or more, 1 by default. */
  readonly concurrency?: number | undefined;
}

/** How to have a queue worked off. */
export interface ProcessOptions extends EndingOptions {
  /** Ends it: no more is handed out, and handlers that have begun are waited for. */
  readonly signal?: AbortSignal | undefined;
  /** How many items are worked on at once: 1 or more, 1 by default. */
  readonly concurrency?: number | undefined;
  /**
   * How many items more are claimed ahead, so that the next one is at hand when a handler has ended, and the answer to an acknowledgement is not
   * waited for: for work that takes no longer than a round trip. Other consumers do not get what is claimed ahead, and when the process
   * crashes it counts as an attempt, once an item: what was claimed before is not claimed ahead. 0 to 1,000, 0 by default; more than 0
   * needs a `maxAttempts` of 2 or more.
   */
  readonly prefetch?: number | undefined;
  /**
   * Milliseconds before an item whose handler threw is handed out again, by how often it was. Default: a second, doubled with each attempt, a
   * minute at most.
   */
  readonly retryDelayMs?: ((attempts: number) => number) | undefined;
}

/** Milliseconds, how long a payload may take to be decoded if the queue does not say. */
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

/** What options may be. */
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
