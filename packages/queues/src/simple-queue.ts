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
 *   Every offer that resolved is there once, whatever reply was lost, and is taken once: by one caller of all, Curator's included. First in,
 *   first out. Who waits for an item is served in the order of coming.
 * Not guaranteed
 *   That what was taken is worked on: it is gone from the queue then, whatever becomes of its taker, also of one who gives up while his poll is
 *   under way. That the outcome is known of an offer, or of a poll, whose session ended before the answer came. That a poll whose reply was lost
 *   is right where numbers began anew meanwhile: a queue that is made here is persistent, but Curator's is a container, which the server removes
 *   when it is empty, and anybody may remove one by hand.
 * Znodes
 *   <path>/qn-<number>                          an item, persistent sequential, its bytes as they are. Curator's SimpleDistributedQueue and
 *                                               ZooKeeper's own recipe have the same
 *   <path>-side/markers/_c_<uuid>-<operation>   ephemeral: an offer, or a poll, was executed; removed when its reply has come
 *   <path>-side/takers/_c_<uuid>-take-<number>  ephemeral: somebody who waits for an item
 * Protocol of `offer`
 *   1. Create the item, and a marker under protection, in one transaction.
 * Protocol of `poll`
 *   1. List the items, unless names are left of an earlier list: items only come at the end, so its order is right still.
 *   2. Read the first one. If it was created after the list was read, numbers have begun anew since: back to 1.
 *   3. Delete it in the version that was read, with a marker, in one transaction. If somebody was faster: the next one; after some of that in a
 *      row the list is too old. If somebody has changed its bytes: read it again.
 * Protocol of `take`
 *   1. Stand in the line of takers; when first: poll, and if there is nothing wait for a child of the queue, or for the queue itself.
 *   2. Leave the line.
 * Failures
 *   reply to a transaction lost    its marker tells whether it was executed
 *   session expires, waiting       back to 1 in the new session, at the end of the line
 *   session expires, in doubt      rejects with a ConnectionLossError of outcome `unknown`
 *   taker crashes                  before the delete was executed: the item is the next one's; after it: the item is lost with its taker
 *   queue removed                  the next offer makes it again, and who waits sees that
 *   given up at any point          rejects with the signal's reason; the line is left
 *   foreign znode in the queue     left alone, as by Curator
 */

const ITEM = 'qn-';
const TURN = 'take-';
/** So many names in a row may be of items that are gone before the list is read again. */
const STALE_NAMES = 3;

/** ZooKeeper's own queue: bytes that go in at one end and come out at the other. @see ZooKeeper's recipe "Queues" */
export class SimpleQueue {
  /** Path of the queue. */
  readonly path: string;
  readonly #keeper: Keeper;
  readonly #line: string;
  readonly #markers: Markers;
  readonly #producer: Producer;
  /** Names of items that were listed and nobody here has wanted yet, in order. */
  #names: string[] = [];
  /** The last change of the queue's children that the list shows, by its transaction. */
  #listedAt = 0n;

  /** @throws TypeError for a wrong argument, which it names */
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
   * Puts an item at the end.
   *
   * @param data any bytes, none included
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the answer came; the signal's reason
   */
  async offer(data: Uint8Array, options: CallOptions = {}): Promise<void> {
    asBytes(data, '`data` of offer of SimpleQueue');
    checkOptions('offer of SimpleQueue', schemas.call, options);
    await this.#producer.put([{ name: ITEM, data }], options.signal);
  }

  /**
   * Takes the first item, if there is one.
   *
   * @returns `null` if there is none
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the answer came; QueueTooLargeError; the signal's reason
   */
  async poll(options: CallOptions = {}): Promise<Buffer | null> {
    checkOptions('poll of SimpleQueue', schemas.call, options);
    return await this.#poll(options.signal);
  }

  /** Looks at the first item, and leaves it where it is. @returns `null` if there is none @throws QueueTooLargeError; the signal's reason */
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
   * Takes the first item, and waits for one if there is none.
   *
   * @throws ConnectionLossError with outcome `unknown` if the session ended before the answer came; QueueTooLargeError; the signal's reason
   */
  async take(options: CallOptions = {}): Promise<Buffer> {
    checkOptions('take of SimpleQueue', schemas.call, options);
    const { signal } = options;
    const patience = new Patience(this.#keeper, signal);
    const join = (): Promise<Member> => enrol(this.#keeper, this.#line, { name: TURN, signal });
    return await standInLine(this.#keeper, patience, join, async (member) => {
      await untilFirst(member, TURN, { signal }); //                    step 1
      // Reads are repeated in the next session, where there is no place in the line any more.
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

  /** Number of items. Asks for no names, so it costs little. */
  async size(options: CallOptions = {}): Promise<number> {
    checkOptions('size of SimpleQueue', schemas.call, options);
    const stat = await this.#keeper.limited.exists().forPath(this.path, { signal: options.signal });
    return stat?.numChildren ?? 0;
  }

  async #poll(signal: AbortSignal | undefined): Promise<Buffer | null> {
    // Once is enough: what a list that was just read shows is right, unless all is made anew all the time.
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
   * @returns what it held; `gone` if somebody else was faster; `renumbered` if it is of a queue that was made after the list was read, in which
   * others may come before it
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
      // It may be there still, before all others.
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

  /** @returns the items in their order, and the last change that they show */
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
