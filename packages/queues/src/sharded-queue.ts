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
 * Guarantee and failures: see work-queue.ts, for each shard. The items of one shard are handed out in the order in which they were put into the
 * shard. The items of several shards are handed out approximately in the order of their numbers.
 * Znodes
 *   <path>/queue-<uuid>            a shard: a queue as of queue.ts. Curator's QueueSharder uses the same names, and accepts any number of shards
 *   <path>-side/queue-<uuid>/…     its claims and records
 *   <path>-side/line               the line of the idle consumers of all shards
 * Protocol of a put
 *   1. Create the missing shards. Shards have fixed names, so all processes create the same shards.
 *   2. Read the number of items of two shards, chosen at random; put the item into the shard with fewer items.
 * Protocol of a consumer
 *   As in work-queue.ts, over all shards that exist when the consumer begins.
 */

/** Options of a sharded queue. */
export interface ShardedQueueOptions<T> extends Omit<QueueOptions<T>, 'lockPath' | 'maxItems'> {
  /** Smallest number of shards, which the queue creates. Default 8; from 1 to 1,000. If more shards exist, the queue uses all of them. */
  readonly shards?: number | undefined;
}

/** Queue that spreads its items over several queues, for more items than the names of one directory fit into a frame. */
export class ShardedQueue<T> extends ItemSource<T> {
  readonly #codec: Codec<T>;
  readonly #shards: number;
  readonly #producers = new Map<string, Producer>();
  #known: Promise<readonly string[]> | null = null;

  /** @throws TypeError or RangeError for a wrong argument, which the message names */
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
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the reply came; the signal's reason
   */
  async put(value: T, options: CallOptions = {}): Promise<void> {
    await this.putAll([value], options);
  }

  /** Puts items next to each other into one of the shards in one transaction, which puts all of them or none. @throws as `put` */
  async putAll(values: readonly T[], options: CallOptions = {}): Promise<void> {
    checkOptions('put of ShardedQueue', schemas.call, options);
    const { signal } = options;
    const payloads = encodedAll(this.#codec, values);
    if (payloads.length === 0) return;
    const parcels = payloads.map((payload) => ({ name: plainName(), data: frameItems([payload]) }));
    const shard = await this.#chooseShard(signal);
    await this.#producerOf(shard).put(parcels, signal);
  }

  /** Returns the shard with fewer items of two random shards. The result is nearly as even as with the smallest shard, at two requests. */
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

  /** Creates the missing shards, and returns the names of all shards. */
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

/**
 * Returns the fixed name of a shard. Curator's names have random uuids; with fixed names, processes that create shards at once create no
 * extras.
 */
function shardName(index: number): string {
  return `queue-00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
}
