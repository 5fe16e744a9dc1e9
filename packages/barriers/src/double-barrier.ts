import { randomUUID } from 'node:crypto';
import { type Keeper, SessionExpiredError } from '@zk-recipes/core';
import {
  acrossSessions,
  checkFunction,
  checkOptions,
  checkPlace,
  follow,
  type IdentityOptions,
  identityOf,
  type Member,
  unfollow,
  waitForEnding,
  withinSession,
} from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';
import { AlreadyEnteredError, NotEnteredError } from './errors.js';
import { checkWait, type WaitOptions } from './options.js';
import { Room } from './room.js';
import { type Look, nextAwaited, sawOpening, staysToTheEnd, stillLeft } from './round.js';

/*
 * Guarantee
 *   No member passes `enter` before the required number of members have stood there at once, Curator's included. Then all of them pass,
 *   and so do members that come while one of them is still inside. No member passes `leave` before all members that stood there when it
 *   began to leave have left, or died. A barrier can be used again at once: a member that has left and enters again joins the next round.
 *   However a call ends, it leaves no member behind.
 * Not guaranteed
 *   That all counted members are alive: a crashed member counts until its session has timed out; nor that no member gives up while the
 *   last one opens the barrier. That rounds stay apart if more clients use the barrier than it has members: a late client counts in the
 *   round in which it stands. That Curator's members follow this protocol: they pass if they come when all members have crashed inside,
 *   and members that already enter again hold them up in `leave`.
 * Znodes
 *   <path>/<random uuid>   ephemeral, one per member and round; its data identifies the member
 *   <path>/ready           persistent, while the barrier is open. Curator's DistributedDoubleBarrier has the same.
 * Protocol of `enter`
 *   1. Create the own member; look at `ready` and list the members in the same round trip.
 *   2. `ready` is newer than the own member, or than any other that stands: the barrier is open, go through. Else `ready` is of a round
 *      whose members have all crashed, and says nothing.
 *   3. The required number of members stand there, `ready` not counted: create `ready`, or renew it, in one transaction with a check of
 *      the own member, and go through. Each member counts after its own creation, so the member that was created last finds all of them,
 *      on every server.
 *   4. Watch only `ready`. Its creation is proof by itself: go through. After any other event, look again, from 2.
 * Protocol of `leave`
 *   1. List the members: wait for these, and for none that come later. A member that came late, or is not in the list any more, waits for
 *      the members that are older than `ready`, which entered together.
 *   2. Unless the own member is the lowest of all, delete it.
 *   3. Wait for the lowest, or if that is the own one, for the highest, and so on until none is left.
 *   4. Delete the own member, and with it `ready`, in one transaction, so that no client finds only one of them. A client that deleted its
 *      member in step 2 removes `ready` only if the last client did not: if it is still the `ready` of the beginning.
 * Failures
 *   reply to the create lost       created again, and found to exist; of another session: removed, created anew
 *   reply to step 3 lost           looks again, and counts again
 *   reply to any other request     repeated: a member or `ready` that is gone is success
 *   session expires in enter       back to 1 with a new member; one that the server still keeps is removed first, so as not to be counted
 *   session expires inside         its member is gone: the others can leave; it still waits for them
 *   session expires in leave       likewise
 *   server silent in step 4        leave waits 2 s, and not at all without a connection; the next enter waits for the end of step 4
 *   disconnected in enter          watches are set again on reconnect, and report missed changes; then a look
 *   member crashes in enter        not counted any more when its session has timed out
 *   member crashes inside, leaving  the others leave when its session has timed out; the last of them removes `ready`
 *   all crash inside               `ready` stays, older than the next member: see step 2
 *   given up in enter or leave     the member is removed, in the background if necessary; rejects with the signal's reason
 *   own member deleted by hand     in enter: back to 1 at the next look; later: as if its session had expired
 *   path removed, container reaped  the create makes it again
 *   foreign znode at the path      counts as a member if its name is a uuid, else it is ignored
 */

/** Options of a double barrier. */
export interface DoubleBarrierOptions extends IdentityOptions {
  /** Number of members that must come before all may enter: 1 or more, the same for all. */
  readonly members: number;
}

const schema = z.strictObject({
  members: z.int().check(z.minimum(1), z.maximum(2 ** 31 - 1)),
  id: z.optional(z.string()),
  data: z.optional(z.union([z.string(), z.instanceof(Uint8Array), z.null()])),
});

/** Member inside the barrier, and whether it was there when the barrier opened. */
interface Entry {
  readonly member: Member;
  readonly inTime: boolean;
}

type Phase = { readonly name: 'outside' | 'entering' | 'leaving' } | { readonly name: 'inside'; readonly entry: Entry };

/** Longest wait of a `leave` for step 4, in milliseconds. The wait protects nothing any more. */
const TIDYING_MS = 2_000;

/**
 * Double barrier: all members enter together and leave together.
 *
 * @see https://zookeeper.apache.org/doc/current/recipes.html, "Double Barriers"
 */
export class DoubleBarrier {
  /** Path of the barrier. */
  readonly path: string;
  /** Number of members that must come before all may enter. */
  readonly members: number;
  readonly #keeper: Keeper;
  readonly #room: Room;
  #phase: Phase = { name: 'outside' };
  /** Step 4 of a `leave` that did not wait for its end; never rejects. */
  #tidying: Promise<void> | null = null;

  /** @throws {TypeError} or {RangeError} when an argument is wrong; the message names the argument */
  constructor(keeper: Keeper, path: string, options: DoubleBarrierOptions) {
    const unlimited = checkPlace(keeper, path);
    checkOptions('DoubleBarrier', schema, options);
    this.path = path;
    this.members = options.members;
    this.#keeper = unlimited;
    this.#room = new Room(unlimited, path, identityOf(options).data);
  }

  /**
   * Enters together with the other members, runs a function, and leaves together with them. Leaves also if the function throws; `run`
   * then rejects with the function's error.
   *
   * @returns result of the function
   * @throws the errors of the function, of `enter` and of `leave`
   */
  async run<T>(fn: () => Promise<T> | T, options: WaitOptions = {}): Promise<T> {
    checkFunction('fn', fn);
    await this.enter(options);
    let result: T;
    try {
      result = await fn();
    } catch (error) {
      await this.leave(options).catch((failure: unknown) => {
        if (!options.signal?.aborted)
          this.#keeper.reportBackgroundError(failure, 'leave of a DoubleBarrier', this.path);
      });
      throw error;
    }
    await this.leave(options);
    return result;
  }

  /**
   * Waits until the required number of members have come.
   *
   * If the session expires meanwhile, the wait continues as a new member in the next session.
   *
   * @throws {AlreadyEnteredError} when this object is inside, entering or leaving
   * @throws the errors of a create, and the signal's reason; this object is then not a member
   */
  async enter(options: WaitOptions = {}): Promise<void> {
    checkWait('enter of DoubleBarrier', options);
    if (this.#phase.name !== 'outside') throw new AlreadyEnteredError(this.path);
    this.#phase = { name: 'entering' };
    let phase: Phase = { name: 'outside' };
    try {
      if (this.#tidying !== null) await untilSettled(this.#tidying, options.signal);
      phase = { name: 'inside', entry: await this.#enter(options.signal) };
    } finally {
      this.#phase = phase;
    }
  }

  /**
   * Waits until all members that entered together have left, or died. After that, `leave` waits 2 s at most for the removal of the
   * remaining znodes, and not at all without a connection. The removal continues in the background.
   *
   * @throws {NotEnteredError} when this object is not inside
   * @throws {ClosedError} when the `Keeper` is closed
   * @throws the signal's reason; this object has then left, without waiting for the others
   */
  async leave(options: WaitOptions = {}): Promise<void> {
    checkWait('leave of DoubleBarrier', options);
    if (this.#phase.name !== 'inside') throw new NotEnteredError(this.path);
    const { entry } = this.#phase;
    this.#phase = { name: 'leaving' };
    try {
      const tidy = await this.#untilOthersLeft(entry, options.signal);
      await this.#tidy(entry.member, tidy, options.signal);
    } catch (error) {
      await this.#room.giveUp(entry.member);
      throw error;
    } finally {
      this.#phase = { name: 'outside' };
    }
  }

  /**
   * Removes the remaining znodes: step 4. The next `enter` waits for its end, because the own member would otherwise be counted with
   * those of the next round.
   */
  async #tidy(member: Member, tidy: () => Promise<void>, signal: AbortSignal | undefined): Promise<void> {
    const work = tidy();
    let isAwaited = true;
    const tidying = work
      .catch(async (error: unknown) => {
        if (isAwaited) return;
        // After any failure, the caller's abort included, no member may remain. The background reports a refusal.
        await member.remove().catch(() => {});
        if (this.#keeper.closed || signal?.aborted) return;
        this.#keeper.reportBackgroundError(error, 'leave of a DoubleBarrier', this.path);
      })
      .then(() => {
        if (this.#tidying === tidying) this.#tidying = null;
      });
    this.#tidying = tidying;
    try {
      await waitForEnding(this.#keeper, member.path, work, TIDYING_MS);
    } finally {
      isAwaited = false;
    }
  }

  async #enter(signal: AbortSignal | undefined): Promise<Entry> {
    signal?.throwIfAborted();
    for (;;) {
      const name = randomUUID();
      try {
        return await this.#enterAs(name, signal);
      } catch (error) {
        if (!(error instanceof SessionExpiredError) || this.#keeper.closed || signal?.aborted) throw error;
        await this.#room.remove(name, signal);
      }
    }
  }

  async #enterAs(name: string, signal: AbortSignal | undefined): Promise<Entry> {
    const [member, first] = await this.#room.join(name, signal); // step 1
    try {
      const open = (within: AbortSignal): Promise<boolean> => this.#untilOpen(member, first, within);
      const inTime = await withinSession(this.#keeper, member.epoch, signal, open);
      signal?.throwIfAborted();
      return { member, inTime };
    } catch (error) {
      await this.#room.giveUp(member);
      throw error;
    }
  }

  /** @returns whether the own member was there when the barrier opened */
  async #untilOpen(member: Member, first: Look | null, signal: AbortSignal): Promise<boolean> {
    for (let look = first; ; look = null) {
      look ??= await this.#room.look(signal);
      const { ready, members } = look;
      if (!members.includes(member.name)) throw new SessionExpiredError(`${member.path} is gone`);
      if (ready !== null && sawOpening(member, ready)) return true; //                              step 2
      if ((await this.#room.olderThan(ready, members, signal)).length > 0) return false;
      if (members.length >= this.members) {
        if (await this.#room.open(member, ready, signal)) return true; //                           step 3
      } else if (await this.#room.untilOpened(ready, signal)) return true; //                       step 4
    }
  }

  /**
   * Waits until the other members have left: steps 1 to 3.
   *
   * @returns function that does step 4
   */
  async #untilOthersLeft({ member, inTime }: Entry, signal: AbortSignal | undefined): Promise<() => Promise<void>> {
    const first = await this.#room.look(signal); //                                                 step 1
    const others = first.members.filter((name) => name !== member.name);
    const isTogether = inTime && others.length < first.members.length;
    let left = isTogether ? others : await this.#room.olderThan(first.ready, others, signal);
    const stays = staysToTheEnd(member.name, left);
    if (!stays) await this.#room.remove(member.name, signal); //                                    step 2
    let last = first;
    await acrossSessions(this.#keeper, signal, async () => {
      for (let next = nextAwaited(left, stays); next !== undefined; next = nextAwaited(left, stays)) {
        await this.#room.untilGone(next, first.asOf, signal); //                                    step 3
        last = await this.#room.look(signal);
        left = stillLeft(left, next, last.members);
      }
    });
    const isOfRound = last.ready !== null && last.ready.czxid === first.ready?.czxid;
    return async () => {
      if (stays && inTime && isOfRound && (await this.#room.removeWithReady(member, signal))) return; // step 4
      if (stays) await this.#room.remove(member.name, signal);
      if (isOfRound) await this.#room.removeReady(first.ready, signal);
    };
  }
}

/**
 * Waits for work that continues by itself.
 *
 * @throws the signal's reason
 */
async function untilSettled(work: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => reject(signal?.reason);
    follow(signal, onAbort);
    void work.finally(() => {
      unfollow(signal, onAbort);
      resolve();
    });
  });
}
