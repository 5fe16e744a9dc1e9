import type { Keeper, Transaction } from '@zk-recipes/core';
import { checkArgument, checkOptions, checkPlace, childOf, nameOf } from '@zk-recipes/core/recipe-kit';
import { type Codec, encodedAll, jsonCodec } from './codec.js';
import { type DeadLetter, letterSchema, revivedName } from './dead-letters.js';
import { frameItems } from './item-framing.js';
import type { ItemNaming } from './item-name.js';
import { ItemSource } from './item-source.js';
import { type CallOptions, DECODE_TIMEOUT_MS, type QueueOptions, schemas } from './options.js';
import { besides, placesOf, type Store, storeOf } from './places.js';
import { Producer } from './producer.js';

/*
 * What all queues with claims have in common; in which order items are handed out say the files of the queues.
 *
 * Guarantee
 *   Every put that resolved is there once, whatever reply was lost, and is handed out until it is acknowledged, or is a dead letter. Nobody is
 *   handed an item that somebody else holds with a valid clock, Curator's consumers with the same `lockPath` included. An item is
 *   acknowledged once. What is given back keeps its place, priority, due time and id. Bytes that nobody can read become a dead letter, as they
 *   are; they never stop the queue.
 * Not guaranteed
 *   That an item is worked on once: a consumer that dies, or is paused beyond its session, may have done the work, and another does it again.
 *   That several consumers finish in order. That Curator's consumers without a `lockPath` respect a claim. A put or settlement whose session ended
 *   before the answer came is of unknown outcome.
 * Znodes
 *   <path>/queue-…<number>                     an item: persistent sequential, named and framed as by Curator's queues
 *   <path>-side/claims/<item>                  ephemeral: the item is being worked on. Curator's `lockPath`
 *   <path>-side/attempts/<item>                how often it was handed out, by which claim, why it came back; made by the first claim
 *   <path>-side/line/_c_<uuid>-seat-<number>   ephemeral: a consumer that would like an item and found none
 *   <path>-side/markers/_c_<uuid>-put          ephemeral: a put was executed; removed when its reply has come
 *   <path>-side/producers/_c_<uuid>-put-<number>  ephemeral: a producer that waits for room, where `maxItems` is given
 *   <path>-dead-letters/<item>                 a dead letter, its reason in <path>-dead-letters-side/attempts/<item>
 * Protocol of a put
 *   1. Create the item, and a marker under protection, in one transaction. With `maxItems`: stand in line; when first, wait until there is room;
 *      leave the line and create the item in one transaction.
 * Protocol of a consumer
 *   1. Watch items, claims and the line, and list each once.
 *   2. If there is an item for each of those in line and one more: claim that, go to 4. Else stand in line.
 *   3. The nth in line claims the nth item that is to be had; one that is left lying, since whoever is nearer has died, the next one after 0.2 s.
 *      Whoever is far behind watches only the one before, and looks again when that has left.
 *   4. A claim: check the item, create its claim and its record, leave the line, in one transaction; read the item in the same round trip. If
 *      there is a record already: read it, then the same with one more attempt, in the versions that were read.
 *   5. Settle it, in one transaction that begins with the record in the version of 4. When an item is done and the next one is within reach it is
 *      claimed by the same transaction; else its claim leaves in the same write.
 * Failures
 *   reply to a put lost             its marker, or its place in line, tells whether it was executed
 *   reply to a claim lost           the record bears the claim's uuid, or not
 *   reply to a settlement lost      the record has another version, or is gone, or not
 *   session expires, waiting        back to 1 in the new session
 *   session expires, working        the claim's clock has run out before: `signal` has aborted; the item is handed out again
 *   somebody else claims first      the next item; after that everybody stands in line first for a while, so that no two want the same
 *   disconnected                    watches are set again on reconnect, and all is listed again
 *   given up while waiting          the place in line is left, what was claimed meanwhile goes back
 *   ended while no server answers   `timeoutMs` at most after the handlers, not at all without a connection; what is left goes on in the background
 *   settling or giving back refused  told once as `left behind`; tried again until it is permitted, or the session is over
 *   dead letter refused             told; the item is given back, and left alone for a minute
 *   claim, line or list refused     `process` tells it, and tries again after growing pauses; `take` and `consume` reject
 *   item not readable for now       told; left alone for a minute: one that is too large or forbidden, or whose decoding has not settled
 *   record damaged, or removed      attempts begin anew; what was worked on is lost, and its claim removed
 *   wall clock jumps                what was held is lost for good, and given back
 *   numbers used up                 `put` rejects with `SequenceUsedUpError`
 *   consumer dies                   claim and place go with its session; the attempt counts
 *   claim removed by hand           `signal` aborts; nothing can be settled any more
 *   path removed, containers reaped  made again
 *   foreign znode in the queue      left alone, as by Curator
 */

/** A queue of items that are claimed to be worked on. */
export class WorkQueue<T> extends ItemSource<T> {
  readonly #codec: Codec<T>;
  readonly #maxItems: number;
  readonly #producer: Producer;
  readonly #deadLetters: Store;

  /**
   * @param name of the class, for messages
   * @throws TypeError or RangeError for a wrong argument, which it names
   */
  protected constructor(name: string, naming: ItemNaming, keeper: Keeper, path: string, options: QueueOptions<T>) {
    const unlimited = checkPlace(keeper, path);
    checkOptions(name, schemas.queue, options);
    const { codec = jsonCodec<T>(), decodeTimeoutMs = DECODE_TIMEOUT_MS, deadLetterPath, lockPath } = options;
    const { maxAttempts = Number.POSITIVE_INFINITY } = options;
    const places = placesOf(path, deadLetterPath);
    const store = storeOf(path, besides(path), lockPath);
    const stores = [store];
    const { line, deadLetters } = places;
    const decoding = { codec, decodeTimeoutMs };
    super(unlimited, path, { ...decoding, name, naming, maxAttempts, line, deadLetters, stores: async () => stores });
    this.#codec = codec;
    this.#maxItems = options.maxItems ?? Number.POSITIVE_INFINITY;
    this.#producer = new Producer(unlimited, path, places, store.claims);
    this.#deadLetters = deadLetters;
  }

  /**
   * Puts a dead letter back into the queue, at the end of its order, as one that was never handed out.
   *
   * @throws NoNodeError if it is there no more; TypeError for what is no dead letter
   */
  async revive(letter: DeadLetter, options: CallOptions = {}): Promise<void> {
    checkArgument('letter', letterSchema, letter);
    checkOptions('revive of a queue', schemas.call, options);
    const { items, records } = this.#deadLetters;
    const name = nameOf(letter.path);
    const parcel = { name: revivedName(letter), data: letter.data };
    await this.#producer.move(parcel, [childOf(items, name), childOf(records, name)], options.signal);
  }

  /** Commits a transaction of which it can be told, after a lost reply, whether it was executed. */
  protected async commitOnce(transaction: Transaction, signal: AbortSignal | undefined): Promise<void> {
    await this.#producer.commitOnce(transaction, signal);
  }

  /** Puts values under one name. */
  protected async putUnder(name: string, values: readonly T[], signal: AbortSignal | undefined): Promise<void> {
    const payloads = encodedAll(this.#codec, values);
    if (payloads.length > this.#maxItems) {
      throw new RangeError(`Expected at most \`maxItems\`, ${this.#maxItems}, items at once, got ${payloads.length}`);
    }
    if (payloads.length === 0) return;
    const parcels = payloads.map((payload) => ({ name, data: frameItems([payload]) }));
    signal?.throwIfAborted();
    if (this.#maxItems === Number.POSITIVE_INFINITY) await this.#producer.put(parcels, signal);
    else await this.#producer.putWithin(this.#maxItems, parcels, signal);
  }
}
