import type { Keeper } from '@zk-recipes/core';
import { checkOptions, checkPlace, childOf, namesIn } from '@zk-recipes/core/recipe-kit';
import { type Codec, encodedAll, jsonCodec } from './codec.js';
import { frameItems } from './item-framing.js';
import { inOrder, isItem, plainName } from './item-name.js';
import { ItemSource } from './item-source.js';
import { type CallOptions, DECODE_TIMEOUT_MS, type QueueOptions, schemas } from './options.js';
import { besides, placesOf, type Store, storeOf } from './places.js';
import { Producer } from './producer.js';

/*
 * Guarantee and failures: see work-queue.ts, for each shard. Items of one shard are handed out in the order in which they were put into it, those
 * of several in the order of their numbers, more or less.
 * Znodes
 *   <path>/queue-<uuid>            a shard: a queue as of queue.ts. Curator's QueueSharder has the same, and takes any number of them
 *   <path>-side/queue-<uuid>/…     its claims and records
 *   <path>-side/line               the one line of those who would like to have an item, from whichever shard
 * Protocol of a put
 *   1. Make the shards that are missing. They have fixed names, so that all make the same ones.
 *   2. Ask two of them, chosen at random, how many items they hold; put the item into the one with fewer.
 * Protocol of a consumer
 *   That of work-queue.ts, with an eye on all shards that there are when it begins.
 */

/** How a sharded queue is made. */
export interface ShardedQueueOptions<T> extends Omit<QueueOptions<T>, 'lockPath' | 'maxItems'> {
  /** How many shards to make at least: 1 to 1,000, 8 by default. More are used if there are more. */
  readonly shards?: number | undefined;
}

/** Spreads items over several queues behind one face, for more of them than the names of one directory may fill a frame with. */
export class ShardedQueue<T> extends ItemSource<T> {
  readonly #codec: Codec<T>;
  readonly #shards: number;
  readonly #producers = new Map<string, Producer>();
  #known: Promise<readonly string[]> | null = null;

  /** @throws TypeError or RangeError for a wrong argument, which it names */
  constructor(keeper: Keeper, path: string, options: ShardedQueueOptions<T> = {}) {
    const unlimited = checkPlace(keeper, path);
    checkOptions('ShardedQueue', schemas.sharded, options);
    const { codec = jsonCodec<T>(), decodeTimeoutMs = DECODE_TIMEOUT_MS, deadLetterPath, shards = 8 } = options;
    const { maxAttempts = Number.POSITIVE_INFINITY } = options;
    const { line, deadLetters } = placesOf(path, deadLetterPath);
    const stores = async (signal: AbortSignal | undefined): Promise<readonly Store[]> => {
      const names = await this.#makeShards(signal);
      return names.map((name) => storeOf(childOf(path, name), childOf(besides(path), name)));
    };
    const decoding = { codec, decodeTimeoutMs };
    const naming = inOrder;
    super(unlimited, path, { ...decoding, name: 'ShardedQueue', naming, maxAttempts, line, deadLetters, stores });
    this.#codec = codec;
    this.#shards = shards;
  }

  /**
   * Puts an item into one of the shards.
   *
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the answer came; the signal's reason
   */
  async put(value: T, options: CallOptions = {}): Promise<void> {
    await this.putAll([value], options);
  }

  /** Puts items into one of the shards by one transaction: all of them, next to each other, or none. @throws as `put` */
  async putAll(values: readonly T[], options: CallOptions = {}): Promise<void> {
    checkOptions('put of ShardedQueue', schemas.call, options);
    const { signal } = options;
    const payloads = encodedAll(this.#codec, values);
    if (payloads.length === 0) return;
    const parcels = payloads.map((payload) => ({ name: plainName(), data: frameItems([payload]) }));
    const shard = await this.#chooseShard(signal);
    await this.#producerOf(shard).put(parcels, signal);
  }

  /** Of two shards the one with fewer items: nearly as even as the one with fewest, and asks but two. */
  async #chooseShard(signal: AbortSignal | undefined): Promise<string> {
    this.#known ??= this.#makeShards(signal).catch((error: unknown) => {
      this.#known = null;
      throw error;
    });
    const names = await this.#known;
    const first = Math.floor(Math.random() * names.length);
    const second = (first + 1 + Math.floor(Math.random() * Math.max(1, names.length - 1))) % names.length;
    const chosen = [names[first], names[second]].filter((name) => name !== undefined);
    const stats = await Promise.all(
      chosen.map((name) => this.keeper.exists().forPath(childOf(this.path, name), { signal })),
    );
    const [one = 0, other = 0] = stats.map((stat) => stat?.numChildren ?? 0);
    return (one <= other ? chosen[0] : chosen[1]) as string;
  }

  #producerOf(shard: string): Producer {
    const known = this.#producers.get(shard);
    if (known !== undefined) return known;
    const side = childOf(besides(this.path), shard);
    const places = { ...placesOf(this.path), markers: childOf(side, 'markers'), producers: childOf(side, 'producers') };
    const { claims } = storeOf(childOf(this.path, shard), side);
    const producer = new Producer(this.keeper, childOf(this.path, shard), places, claims);
    this.#producers.set(shard, producer);
    return producer;
  }

  /** Names of all shards, after as many as wanted were made. */
  async #makeShards(signal: AbortSignal | undefined): Promise<readonly string[]> {
    const there = (await namesIn(this.keeper, this.path, { signal })).filter(isItem);
    const missing = Array.from({ length: this.#shards }, (_, index) => shardName(index)).filter(
      (name) => !there.includes(name),
    );
    const making = there.length >= this.#shards ? [] : missing.slice(0, this.#shards - there.length);
    await Promise.all(making.map((name) => this.#producerOf(name).makeDirectories(signal)));
    return [...there, ...making].sort();
  }
}

/** Curator's have random uuids; where all choose the same ones, two who make shards at once make no more than wanted. */
function shardName(index: number): string {
  return `queue-00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
}
