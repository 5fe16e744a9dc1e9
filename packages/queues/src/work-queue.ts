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
 * Common part of all queues with claims. The file of each queue defines the order in which the queue hands out its items.
 *
 * Guarantee
 *   Every put that resolved has put its item once, also when a reply was lost. The queue hands the item out until a consumer acknowledges it or it
 *   becomes a dead letter. While a consumer holds an item and its clock is valid, no other consumer gets the item; this includes Curator's consumers
 *   with the same `lockPath`. An item is acknowledged once. A released item keeps its place, priority, due time and id. An item whose bytes cannot
 *   be read becomes a dead letter with its bytes unchanged; such an item never stops the queue.
 * Not guaranteed
 *   That an item is worked on once. A consumer that dies, or is paused beyond its session, may have done the work; another consumer repeats it.
 *   That several consumers finish in order. That Curator's consumers without a `lockPath` respect a claim. A put or settlement whose session ended
 *   before the reply came has an unknown outcome.
 * Znodes
 *   <path>/queue-…<number>                     an item: persistent sequential, named and framed as by Curator's queues
 *   <path>-side/claims/<item>                  ephemeral: a consumer works on the item. Curator's `lockPath`
 *   <path>-side/attempts/<item>                attempt record: number of attempts, claim of the last one, reason of release; made by the first claim
 *   <path>-side/line/_c_<uuid>-seat-<number>   ephemeral: the ticket of a consumer that wants an item and found none
 *   <path>-side/markers/_c_<uuid>-put          ephemeral: a put was executed; removed when its reply has come
 *   <path>-side/producers/_c_<uuid>-put-<number>  ephemeral: a producer that waits for capacity, if `maxItems` is given
 *   <path>-dead-letters/<item>                 a dead letter, its reason in <path>-dead-letters-side/attempts/<item>
 * Protocol of a put
 *   1. The producer creates the item, and a marker under protection, in one transaction. With `maxItems`, the producer first stands in line. At the
 *      head of the line it waits until the queue has capacity, then leaves the line and creates the item in one transaction.
 * Protocol of a consumer
 *   1. Watch items, claims and the line, and list each once.
 *   2. If there are more items than tickets in the line, claim an item and go to 4. Otherwise create a ticket.
 *   3. The nth ticket claims the nth available item. If a nearer consumer has died and leaves its item unclaimed, the next ticket may take that item
 *      after 0.2 s. A consumer far back in line watches only the ticket directly ahead, and reads the line again when that ticket is gone.
 *   4. To claim: in one transaction check the item, create its claim and its attempt record, and delete the ticket; read the item in the same round
 *      trip. If there already is a record, read it, then repeat the transaction with one more attempt and with the versions that were read.
 *   5. Settle the item in one transaction that begins with the record in the version of 4. If the item is done and the next item is available, the
 *      same transaction claims the next item. Otherwise the claim of the next item is sent in the same write.
 * Failures
 *   reply to a put lost             the put's marker, or its place in line, tells whether the put was executed
 *   reply to a claim lost           the record bears the claim's uuid, or not
 *   reply to a settlement lost      the record has another version, or is gone, or not
 *   session expires, waiting        back to 1 in the new session
 *   session expires, working        the claim's clock has run out before: `signal` has aborted; the item is handed out again
 *   another consumer claims first   the next item; for a while, every claim then needs a ticket, so that no two consumers try the same item
 *   disconnected                    on reconnect the consumer sets its watches again and lists everything again
 *   caller gives up while waiting   the ticket is deleted, items claimed meanwhile are released
 *   ended while no server answers   `timeoutMs` at most after the handlers, no wait without a connection; the rest goes on in the background
 *   settling or releasing refused   reported once as `left behind`; repeated until the server permits it, or the session is over
 *   dead letter refused             reported; the item is released, and not handed out for a minute
 *   claim, line or list refused     `process` reports it, and tries again after growing pauses; `take` and `consume` reject
 *   item not readable for now       reported; not handed out for a minute: the item is too large or forbidden, or its decoding has not settled
 *   record damaged, or removed      attempts start again; an item that was being worked on is lost, and its claim removed
 *   wall clock jumps                held items are lost for good, and released
 *   numbers used up                 `put` rejects with `SequenceUsedUpError`
 *   consumer dies                   claim and ticket end with its session; the attempt counts
 *   claim removed by hand           `signal` aborts; the delivery can no longer be settled
 *   path removed, containers reaped  made again
 *   foreign znode in the queue      ignored, as by Curator
 */

/** Queue whose items a consumer claims before working on them. */
export class WorkQueue<T> extends ItemSource<T> {
  readonly #codec: Codec<T>;
  readonly #maxItems: number;
  readonly #producer: Producer;
  readonly #deadLetters: Store;

  /**
   * @param name name of the class, for messages
   * @throws TypeError or RangeError for a wrong argument, which the message names
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
   * Puts a dead letter back at the end of the queue, as an item that was never handed out.
   *
   * @throws NoNodeError if the dead letter no longer exists; TypeError if the argument is not a dead letter
   */
  async revive(letter: DeadLetter, options: CallOptions = {}): Promise<void> {
    checkArgument('letter', letterSchema, letter);
    checkOptions('revive of a queue', schemas.call, options);
    const { items, records } = this.#deadLetters;
    const name = nameOf(letter.path);
    const parcel = { name: revivedName(letter), data: letter.data };
    await this.#producer.move(parcel, [childOf(items, name), childOf(records, name)], options.signal);
  }

  /** Commits a transaction once. After a lost reply, its marker tells whether the server executed the transaction. */
  protected async commitOnce(transaction: Transaction, signal: AbortSignal | undefined): Promise<void> {
    await this.#producer.commitOnce(transaction, signal);
  }

  /** Puts values as items under one name. */
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
