import { ClosedError, HoldLostError, type Keeper, SessionExpiredError, type WatchedEvent } from '@zk-recipes/core';
import {
  acrossSessions,
  checkArgument,
  checkEnding,
  checkFunction,
  checkOptions,
  checkPlace,
  type EndingOptions,
  enrol,
  follow,
  type Member,
  MemberHold,
  nameOf,
  namesIn,
  parentOf,
  persevere,
  refuseSelfWait,
  untilFirst,
  waitForEnding,
  withAnySignal,
} from '@zk-recipes/core/recipe-kit';
import { Assignment, type Post } from './assignment.js';
import { type Codec, json } from './codec.js';
import { type MalformedRecordError, ParticipantStartedError } from './errors.js';
import { HandlerCalls } from './handler-calls.js';
import { PLACE } from './layout.js';
import { Orphans } from './orphans.js';
import { nameSchema } from './participant-name.js';
import {
  handlersSchema,
  orphansSchema,
  type ParticipantHandlers,
  type ParticipantOptions,
  participantSchema,
  type SettleOrphanOptions,
  settleSchema,
} from './participant-options.js';
import { Slots } from './slots.js';
import { Store } from './store.js';

/*
 * Guarantee
 *   Of all processes that run a participant of this name, one at a time is active. It votes at most once on a transaction, and never on
 *   one that is decided. What it voted on, and what it was asked to vote on, it finishes exactly as it was decided, whoever decided,
 *   also if that was while it was down; `commit` or `abort` is called until it has succeeded, and it is noted.
 * Not guaranteed
 *   That a handler is called once: `prepare` again after a crash before the vote, `commit` and `abort` after one before the note.
 *   `tx.id` is for telling. That `abort` is called only for what was prepared.
 * Znodes
 *   <path>/participants/<name>/line/_c_<uuid>-place-<number>   ephemeral: presence; the first one is active
 *   <path>/participants/<name>/inbox/<id>                      a transaction to be finished; its data why that has failed so far
 *   <path>/transactions/<id>/votes/<name>                      its vote, never changed
 *   <path>/transactions/<id>/done/<name>                       that it has finished
 * Protocol
 *   1. Stand in the line. When first, watch the inbox, with all in it, and list it. For each entry, beside each other:
 *   2. Read the transaction, its decision (with a watch) and the own vote. Decided: to 6. Voted: to 5.
 *   3. Call `prepare`. Its signal aborts when the decision's watch fires.
 *   4. Vote, in one transaction with a check of the own place and one that nothing is decided.
 *   5. Wait for the decision's watch, and read it.
 *   6. Call `commit` or `abort`, until it succeeds; of each failure leave word in the entry.
 *   7. Note that it is done and remove the entry, in one transaction with a check of the own place.
 * Failures
 *   reply to a vote lost            sent again: refused, since it is there
 *   reply to step 7 lost            sent again: refused, since it is there
 *   session expires, place deleted  all stops by the signals; back to 1; who is first now goes on from what is written
 *   paused beyond the session       likewise; what it still sends is refused, since its place is gone
 *   disconnected                    goes on while its clock runs; lists the inbox anew on reconnect
 *   crash before the vote           the next one prepares again; or finds that it was aborted meanwhile
 *   crash after the vote            the next one waits for the decision, or finds it
 *   crash in step 6                 the handler is called again
 *   prepare throws, payload unreadable  votes abort, with the reason
 *   record cannot be read           told once; looked at again when it changes, without a slot
 *   vote, note or reading refused   told; tried again with pauses, without a slot
 *   inbox too large for a list      told once a minute; what comes anew is worked on
 *   payload unreadable in 6         like a handler that fails: reported and kept
 *   entry without a transaction     told, and left alone
 *   transaction deleted by hand     told; what the resource holds prepared is listed by `orphans`, ended by `settleOrphan`, or by the rule
 *   closed                          signals abort; the place stays until the handlers have ended, and goes, if need be in the background
 *   place lost again and again      a pause before the next one
 */

type Phase =
  | { readonly name: 'latent' }
  | { readonly name: 'started'; readonly done: Promise<void> }
  | { readonly name: 'closed'; readonly done: Promise<void> };

/** One who takes part in transactions under a name. Several processes may run the same one: the others stand by. */
export class Participant<T> {
  /** Below which the two-phase commit's znodes are. */
  readonly path: string;
  readonly name: string;
  readonly #keeper: Keeper;
  readonly #store: Store;
  readonly #handlers: ParticipantHandlers<T>;
  readonly #options: ParticipantOptions<T>;
  readonly #beginning: Slots;
  readonly #finishing: Slots;
  readonly #closing = new AbortController();
  #phase: Phase = { name: 'latent' };
  /** The newest one, standing or gone. */
  #place: Member | null = null;
  #hold: MemberHold | null = null;
  readonly #calls = new HandlerCalls(this);
  readonly #orphans: Orphans;
  /** What was told of transactions with a record that cannot be read. */
  readonly #told = new Map<string, string>();

  /** @throws TypeError or RangeError for a wrong argument, which it names */
  constructor(
    keeper: Keeper,
    path: string,
    name: string,
    handlers: ParticipantHandlers<T>,
    options: ParticipantOptions<T> = {},
  ) {
    const unlimited = checkPlace(keeper, path);
    checkArgument('name', nameSchema, name);
    checkArgument('handlers', handlersSchema, handlers);
    checkOptions('Participant', participantSchema, options);
    this.path = path;
    this.name = name;
    this.#keeper = unlimited;
    this.#store = new Store(unlimited, path);
    this.#handlers = handlers;
    this.#options = options;
    this.#beginning = new Slots(options.concurrency ?? 10);
    this.#finishing = new Slots(options.concurrency ?? 10);
    this.#orphans = new Orphans({
      ...{ store: this.#store, participant: name, handlers, rule: options.orphans ?? 'keep' },
      ...{ calls: this.#calls, finishing: this.#finishing },
      report: (error, at) => this.#report(error, at),
    });
  }

  /** Whether it is this process's turn, beyond doubt: the clock is asked now. */
  get isActive(): boolean {
    return this.#hold?.state === 'held';
  }

  /**
   * Joins the line; resolves when it stands there. From then on it finishes what is in the inbox and takes part in what comes, whenever it
   * is first, until it is closed: errors go to the `backgroundError` event of the `Keeper`.
   *
   * @throws ParticipantStartedError; ClosedError if it was closed; what the create throws, and it is as before
   */
  async start(): Promise<void> {
    if (this.#phase.name === 'closed') throw this.#closed();
    if (this.#phase.name === 'started') throw new ParticipantStartedError(this.name);
    const joined = acrossSessions(this.#keeper, this.#closing.signal, () => this.#enrol());
    const done = joined.then((member) => this.#keepServing(member)).catch(() => {});
    this.#phase = { name: 'started', done };
    try {
      await joined;
    } catch (error) {
      // `close` may have been called meanwhile.
      if ((this.#phase as Phase).name === 'started') this.#phase = { name: 'latent' };
      throw error;
    }
  }

  /**
   * Leaves the line: the next process goes on. The signals of handlers that run abort, the handlers are waited for, and the place in the
   * line stays until they have ended. Idempotent; never rejects, unless it is awaited inside of a handler: a `backgroundError` with the
   * operation `left behind` tells of a place that could not be removed.
   *
   * @param options.timeoutMs how long the work with the server is waited for after the handlers: default 2,000, from 0 to 2^31-1.
   *   Without a connection it does not wait
   * @throws SelfWaitError if it is awaited inside of a handler of this participant, which it waits for; the participant is closed all the same.
   *   RangeError for a wrong limit
   */
  close(options: EndingOptions = {}): Promise<void> {
    return refuseSelfWait(this, 'close() of Participant', this.#close(options));
  }

  async #close(options: EndingOptions): Promise<void> {
    const timeoutMs = checkEnding(options);
    const left = this.#leave();
    // It may be refused before it is waited for.
    left.catch(() => {});
    // Nothing but the work with the server has a limit.
    await this.#calls.untilEnded();
    // Of a refusal the background tells.
    await waitForEnding(this.#keeper, this.#store.layout.line(this.name), left, timeoutMs).catch(() => {});
  }

  /**
   * Asks the resource for what it holds prepared though no transaction stands for it any more: ids. Empty if the handlers cannot tell.
   *
   * @throws ClosedError; the signal's reason; what the resource throws
   */
  async orphans(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<string[]> {
    checkOptions('orphans of Participant', orphansSchema, options);
    options.signal?.throwIfAborted();
    this.#closing.signal.throwIfAborted();
    return await withAnySignal([options.signal, this.#closing.signal], (signal) =>
      this.#orphans.list(signal as AbortSignal),
    );
  }

  /**
   * Ends by hand what the resource holds prepared though no transaction stands for it any more, and leaves an audit record.
   *
   * @throws TransactionStateError if the transaction is there; TypeError if the handlers have no `settle`; ClosedError; what the resource
   *   throws
   */
  async settleOrphan(id: string, options: SettleOrphanOptions): Promise<void> {
    checkOptions('settleOrphan of Participant (id of a transaction)', nameSchema, id);
    checkOptions('settleOrphan of Participant', settleSchema, options);
    checkFunction('settle` of the `handlers', this.#handlers.settle);
    this.#closing.signal.throwIfAborted();
    await this.#orphans.settle(id, options, this.#closing.signal);
  }

  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @returns resolves when no handler runs, and the place is gone, or was refused to go; called again, it tries to remove it again */
  async #leave(): Promise<void> {
    const phase = this.#phase;
    const done = phase.name === 'latent' ? Promise.resolve() : phase.done;
    this.#phase = { name: 'closed', done };
    this.#closing.abort(this.#closed());
    await done;
    if (phase.name === 'closed') await this.#place?.remove();
  }

  #closed(): ClosedError {
    return new ClosedError(`participant ${this.name} of ${this.path} is closed`);
  }

  async #enrol(): Promise<Member> {
    const line = this.#store.layout.line(this.name);
    this.#place = await enrol(this.#keeper, line, { name: PLACE, signal: this.#closing.signal });
    return this.#place;
  }

  /** Terms, one after the other, until it is closed. */
  async #keepServing(first: Member): Promise<void> {
    let member: Member | null = first;
    const { signal } = this.#closing;
    const term = async (): Promise<void> => {
      const own = member ?? (await this.#enrol()); //                       step 1
      member = null;
      try {
        await untilFirst(own, PLACE, { signal });
        await this.#serve(own);
      } finally {
        await remove(own);
      }
    };
    while (!signal.aborted && !this.#keeper.closed) {
      const onFailure = (error: unknown): void => {
        if (!(error instanceof SessionExpiredError || error instanceof HoldLostError)) this.#report(error);
      };
      // Only its own end or that of the `Keeper` makes it reject, and that is no error.
      await persevere(this.#keeper, term, { signal, onFailure }).catch(() => {});
    }
    // Closed between its enrolment and its first term.
    if (member !== null) await remove(member);
  }

  /**
   * Works while the place is held. Every handler has ended when it is over.
   *
   * @throws HoldLostError when the place was lost: if that was soon, a pause follows
   */
  async #serve(member: Member): Promise<void> {
    const hold = new MemberHold(member, { lossPolicy: this.#options.lossPolicy });
    this.#hold = hold;
    try {
      await withAnySignal([this.#closing.signal, hold.signal], async (first) => {
        const ending = first as AbortSignal;
        await this.#workOff(member, ending);
        ending.throwIfAborted();
      });
    } finally {
      // The caller removes the znode.
      hold.interrupt();
      this.#hold = null;
    }
  }

  async #workOff(member: Member, ending: AbortSignal): Promise<void> {
    const inbox = this.#store.layout.inbox(this.name);
    const running = new Map<string, Promise<void>>();
    const post: Post<T> = {
      ...{ store: this.#store, participant: this.name, place: member.path, ending },
      ...{ handlers: this.#handlers, codec: this.#options.codec ?? (json as Codec<T>) },
      ...{ beginning: this.#beginning, finishing: this.#finishing, calls: this.#calls },
      report: (error, id) => this.#report(error, this.#store.layout.transaction(id)),
      tell: (error, id) => this.#tell(error, id),
      onGone: (id, why) => {
        this.#orphans.tell(id, why);
        this.#orphans.seek(ending);
      },
    };
    const take = (id: string): void => {
      if (running.has(id) || ending.aborted) return;
      const work = new Assignment(post, id).run().catch((error: unknown) => {
        if (!ending.aborted && !this.#keeper.closed) this.#report(error, post.store.layout.transaction(id));
      });
      running.set(
        id,
        work.finally(() => running.delete(id)),
      );
    };
    const onEvent = ({ type, path }: WatchedEvent): void => {
      if (type === 'NodeCreated' && path !== null && parentOf(path) === inbox) take(nameOf(path));
    };
    let relisted = new AbortController();
    // One at a time: of an inbox that is too large the lists would add up with each reconnect.
    const list = async (): Promise<void> => {
      relisted.abort();
      relisted = new AbortController();
      await withAnySignal([ending, relisted.signal], (either) =>
        this.#persist(either as AbortSignal, async () => {
          for (const id of await namesIn(this.#keeper, inbox, { signal: either })) take(id);
        }),
      );
    };
    const onState = (state: string): void => {
      if (state === 'RECONNECTED') void list();
    };
    this.#keeper.on('state', onState);
    this.#orphans.seek(ending);
    try {
      await this.#persist(ending, () =>
        this.#keeper.watch().withMode('PERSISTENT_RECURSIVE').forPath(inbox, onEvent, { signal: ending }),
      );
      // Not sent together: a watch that is refused at first would be set after the list, and miss what comes in between.
      await list();
      await new Promise<void>((resolve) => {
        if (ending.aborted) resolve();
        else follow(ending, resolve);
      });
    } finally {
      this.#keeper.off('state', onState);
      void this.#keeper
        .removeWatch(onEvent)
        .forPath(inbox)
        .catch((error: unknown) => this.#report(error));
      await Promise.all([...running.values(), this.#orphans.untilEnded()]);
    }
  }

  /** Until it succeeds, or this is over. */
  async #persist(signal: AbortSignal, work: () => Promise<unknown>): Promise<void> {
    if (signal.aborted) return;
    const onFailure = (error: unknown): void => this.#report(error);
    await persevere(this.#keeper, work, { signal, onFailure }).catch(() => {});
  }

  #tell(error: MalformedRecordError | null, id: string): void {
    if (error === null) this.#told.delete(id);
    else if (this.#told.get(id) !== error.message) {
      this.#told.set(id, error.message);
      this.#report(error, error.path);
    }
  }

  #report(error: unknown, path: string = this.path): void {
    this.#keeper.reportBackgroundError(error, `Participant ${this.name}`, path);
  }
}

/** Takes a place out of the line. Of a refusal the background tells, and goes on. */
async function remove(member: Member): Promise<void> {
  await member.remove().catch(() => {});
}
