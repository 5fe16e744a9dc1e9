import { BadVersionError, type Keeper, MultiError, NoNodeError } from '@zk-recipes/core';
import {
  asBytes,
  checkOptions,
  checkPlace,
  childOf,
  enrol,
  giveUp,
  type Member,
  orNull,
  Patience,
  standInLine,
  untilChildren,
  untilCreated,
  untilFirst,
  withinSession,
} from '@zk-recipes/core/recipe-kit';
import { Markers } from './markers.js';
import { type CallOptions, schemas } from './options.js';
import { placesOf } from './places.js';
import { Producer } from './producer.js';
import { named } from './queue-view.js';

/*
 * Guarantee
 *   Every offer that resolved has put its item once, also when a reply was lost. A single caller takes the item, also among Curator's. First in,
 *   first out. Callers that wait for an item are served in the order in which they came.
 * Not guaranteed
 *   That a taken item is worked on. The item is gone from the queue, also if its taker fails, or gives up while its poll is under way. That the
 *   outcome is known of an offer or poll whose session ended before the reply came. That a poll whose reply was lost is right if numbers started
 *   again meanwhile: a queue created here is persistent, but Curator's queue is a container. The server removes an empty container, and an operator
 *   may remove any queue.
 * Znodes
 *   <path>/qn-<number>                          an item, persistent sequential, its bytes as they are. Curator's SimpleDistributedQueue and
 *                                               ZooKeeper's own recipe use the same names
 *   <path>-side/markers/_c_<uuid>-<operation>   ephemeral: an offer, or a poll, was executed; removed when its reply has come
 *   <path>-side/takers/_c_<uuid>-take-<number>  ephemeral: a caller that waits for an item
 * Protocol of `offer`
 *   1. Create the item, and a marker under protection, in one transaction.
 * Protocol of `poll`
 *   1. List the items, unless names are left of an earlier list. New items only come at the end, so the order of that list is still right.
 *   2. Read the first item. If the item was created after the list was read, numbers have started again since: go to 1.
 *   3. Delete the item in the version that was read, with a marker, in one transaction. If another caller was faster, take the next item; after
 *      several such failures in a row the list is too old. If another process changed the item's bytes, read the item again.
 * Protocol of `take`
 *   1. Stand in the line of takers. At its head: poll, and if the queue is empty wait for a child of the queue, or for the queue itself.
 *   2. Leave the line.
 * Failures
 *   reply to a transaction lost    its marker tells whether the transaction was executed
 *   session expires, waiting       back to 1 in the new session, at the end of the line
 *   session expires, in doubt      rejects with a ConnectionLossError of outcome `unknown`
 *   taker crashes                  before the delete was executed: the next taker gets the item; after it: the item is lost with its taker
 *   queue removed                  the next offer creates it again, and waiting takers see that
 *   given up at any point          rejects with the signal's reason; the caller leaves the line
 *   foreign znode in the queue     ignored, as by Curator
 */

const ITEM = 'qn-';
const TURN = 'take-';
/** Number of names in a row whose items may be gone before the list is read again. */
const STALE_NAMES = 3;

/** ZooKeeper's own queue: first-in, first-out, with bytes as items. @see ZooKeeper's recipe "Queues" */
export class SimpleQueue {
  /** Path of the queue. */
  readonly path: string;
  readonly #keeper: Keeper;
  readonly #line: string;
  readonly #markers: Markers;
  readonly #producer: Producer;
  /** Names of listed items that this object has not tried to take yet, in order. */
  #names: string[] = [];
  /** Zxid of the last change of the queue's children that the list shows. */
  #listedAt = 0n;

  /** @throws TypeError for a wrong argument, which the message names */
  constructor(keeper: Keeper, path: string) {
    const unlimited = checkPlace(keeper, path);
    const places = placesOf(path);
    const { takers, markers } = places;
    this.path = path;
    this.#keeper = unlimited;
    this.#line = takers;
    this.#markers = new Markers(unlimited, markers);
    this.#producer = new Producer(unlimited, path, places, null);
  }

  /**
   * Puts an item at the end of the queue.
   *
   * @param data any bytes; may be empty
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the reply came; the signal's reason
   */
  async offer(data: Uint8Array, options: CallOptions = {}): Promise<void> {
    asBytes(data, '`data` of offer of SimpleQueue');
    checkOptions('offer of SimpleQueue', schemas.call, options);
    await this.#producer.put([{ name: ITEM, data }], options.signal);
  }

  /**
   * Takes the first item, if there is one.
   *
   * @returns `null` if the queue is empty
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the reply came; QueueTooLargeError; the signal's reason
   */
  async poll(options: CallOptions = {}): Promise<Buffer | null> {
    checkOptions('poll of SimpleQueue', schemas.call, options);
    return await this.#poll(options.signal);
  }

  /**
   * Reads the first item, and leaves it in the queue.
   *
   * @returns `null` if the queue is empty
   * @throws QueueTooLargeError; the signal's reason
   */
  async peek(options: CallOptions = {}): Promise<Buffer | null> {
    checkOptions('peek of SimpleQueue', schemas.call, options);
    const { signal } = options;
    for (const name of (await this.#list(signal)).names) {
      const content = await orNull(this.#keeper.getData().withStat().forPath(childOf(this.path, name), { signal }));
      if (content !== null) return content.data ?? Buffer.alloc(0);
    }
    return null;
  }

  /**
   * Takes the first item, and waits for an item if the queue is empty.
   *
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the reply came; QueueTooLargeError; the signal's reason
   */
  async take(options: CallOptions = {}): Promise<Buffer> {
    checkOptions('take of SimpleQueue', schemas.call, options);
    const { signal } = options;
    const patience = new Patience(this.#keeper, signal);
    const join = (): Promise<Member> => enrol(this.#keeper, this.#line, { name: TURN, signal });
    return await standInLine(this.#keeper, patience, join, async (member) => {
      await untilFirst(member, TURN, { signal }); //                    step 1
      // A read is not repeated in the next session, because the place in the line ends with this session.
      const data = await withinSession(this.#keeper, member.epoch, signal, (within) => this.#untilTaken(within));
      void giveUp([member]); //                                         step 2
      return data;
    });
  }

  async #untilTaken(signal: AbortSignal): Promise<Buffer> {
    for (;;) {
      const data = await this.#poll(signal);
      if (data !== null) return data;
      await this.#untilSomething(signal);
    }
  }

  /** Returns the number of items. The request transfers no names, so it costs little. */
  async size(options: CallOptions = {}): Promise<number> {
    checkOptions('size of SimpleQueue', schemas.call, options);
    const stat = await this.#keeper.limited.exists().forPath(this.path, { signal: options.signal });
    return stat?.numChildren ?? 0;
  }

  async #poll(signal: AbortSignal | undefined): Promise<Buffer | null> {
    // Checked once: the second list is fresh, so only a queue that is created again and again could differ from it.
    let isRenewed = false;
    for (let misses = 0; ; ) {
      if (misses === STALE_NAMES) this.#names = [];
      if (this.#names.length === 0) {
        const listing = await this.#list(signal); //                    step 1
        this.#names = listing.names;
        this.#listedAt = listing.at;
        misses = 0;
      }
      const listedAt = isRenewed ? null : this.#listedAt;
      const name = this.#names.shift();
      if (name === undefined) return null;
      const found = await this.#remove(childOf(this.path, name), listedAt, signal);
      if (Buffer.isBuffer(found)) return found;
      if (found === 'gone') misses += 1;
      else {
        this.#names = [];
        isRenewed = true;
      }
    }
  }

  /**
   * Reads and deletes an item.
   *
   * @returns its bytes; `gone` if another caller was faster; `renumbered` if the queue was created again after the list was read, so other
   *   items may precede this one
   */
  async #remove(
    path: string,
    listedAt: bigint | null,
    signal: AbortSignal | undefined,
  ): Promise<Buffer | 'gone' | 'renumbered'> {
    try {
      for (;;) {
        const content = await orNull(this.#keeper.getData().withStat().forPath(path, { signal })); // step 2
        if (content === null) return 'gone';
        if (listedAt !== null && content.stat.czxid > listedAt) return 'renumbered';
        const outcome = await this.#delete(path, content.stat.version, signal); //                    step 3
        if (outcome === 'deleted') return content.data ?? Buffer.alloc(0);
        if (outcome === 'gone') return 'gone';
      }
    } catch (error) {
      // The item may still exist, ahead of all others.
      this.#names = [];
      throw error;
    }
  }

  async #delete(
    path: string,
    version: number,
    signal: AbortSignal | undefined,
  ): Promise<'deleted' | 'gone' | 'changed'> {
    try {
      const deleting = this.#keeper.transaction().creatingParents().delete(path, { version });
      await this.#markers.commit(deleting, { operation: 'poll', path: this.path }, signal);
      return 'deleted';
    } catch (error) {
      const refusal = error instanceof MultiError && error.failedIndex === 0 ? error.cause : null;
      if (refusal instanceof NoNodeError) return 'gone';
      if (refusal instanceof BadVersionError) return 'changed';
      throw error;
    }
  }

  async #untilSomething(signal: AbortSignal | undefined): Promise<void> {
    const hasItems = (names: readonly string[]): boolean => names.some(isSimpleItem);
    try {
      await untilChildren(this.#keeper, this.path, hasItems, { signal });
    } catch (error) {
      if (!(error instanceof NoNodeError)) throw named(error, this.path);
      await untilCreated(this.#keeper, this.path, { signal });
    }
  }

  /** Returns the items in their order, and the zxid of the last change that the list shows. */
  async #list(signal: AbortSignal | undefined): Promise<{ readonly names: string[]; readonly at: bigint }> {
    try {
      const listing = await orNull(this.#keeper.getChildren().withStat().forPath(this.path, { signal }));
      if (listing === null) return { names: [], at: 0n };
      return { names: listing.children.filter(isSimpleItem).sort(), at: listing.stat.pzxid };
    } catch (error) {
      throw named(error, this.path);
    }
  }
}

function isSimpleItem(name: string): boolean {
  return name.startsWith(ITEM);
}
