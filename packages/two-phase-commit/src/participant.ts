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
 *   Of all processes that run a participant of this name, one at a time is active. It votes at most once on a transaction, and never after the
 *   decision. It finishes every transaction in its inbox exactly as decided, by any coordinator or operator, also if the decision was made while
 *   it was down. It calls `commit` or `abort` until the handler has succeeded and the success is noted.
 * Not guaranteed
 *   That a handler is called once: `prepare` again after a crash before the vote, `commit` and `abort` after one before the note. Handlers recognise
 *   a repeated call by `tx.id`. That `abort` is called only for a prepared transaction.
 * Znodes
 *   <path>/participants/<name>/line/_c_<uuid>-place-<number>   ephemeral: presence; the first one is active
 *   <path>/participants/<name>/inbox/<id>                      a transaction to be finished; its data is the last failure of a handler
 *   <path>/transactions/<id>/votes/<name>                      its vote, never changed
 *   <path>/transactions/<id>/done/<name>                       that it has finished
 * Protocol
 *   1. Stand in the line. At its head, watch the inbox, with all its entries, and list it. For each entry, concurrently:
 *   2. Read the transaction, its decision (with a watch) and the own vote. Decided: to 6. Voted: to 5.
 *   3. Call `prepare`. Its signal aborts when the decision's watch fires.
 *   4. Vote, in one transaction with a check of the own place and a check that nothing is decided.
 *   5. Wait for the decision's watch, and read it.
 *   6. Call `commit` or `abort`, until it succeeds; write each failure into the entry.
 *   7. Note that the transaction is done and remove the entry, in one transaction with a check of the own place.
 * Failures
 *   reply to a vote lost            sent again: refused, since the vote exists
 *   reply to step 7 lost            sent again: refused, since the note exists
 *   session expires, place deleted  the signals stop all work; back to 1; the process that is now first goes on from the records
 *   paused beyond the session       likewise; a late request is refused, since the place is gone
 *   disconnected                    goes on while its clock runs; lists the inbox anew on reconnect
 *   crash before the vote           the next process prepares again; or finds that the transaction was aborted meanwhile
 *   crash after the vote            the next process waits for the decision, or finds it
 *   crash in step 6                 the handler is called again
 *   prepare throws, payload unreadable  votes abort, with the reason
 *   record cannot be read           reported once; read again when it changes, without a slot
 *   vote, note or reading refused   reported; tried again with pauses, without a slot
 *   inbox too large for a list      reported once a minute; new entries are worked on
 *   payload unreadable in 6         like a handler that fails: reported and kept
 *   entry without a transaction     reported, and not touched
 *   transaction deleted by hand     reported; `orphans` lists what the resource holds prepared; `settleOrphan` or the rule ends it
 *   closed                          signals abort; the place stays until the handlers have ended, and is then removed, if necessary in the background
 *   place lost again and again      a pause before the next one
 */

type Phase =
  | { readonly name: 'latent' }
  | { readonly name: 'started'; readonly done: Promise<void> }
  | { readonly name: 'closed'; readonly done: Promise<void> };

/**
 * Participant that takes part in transactions under a name. Several processes may run the same participant: one is active, the others stand
 * by.
 */
export class Participant<T> {
  /** Path below which all znodes of the two-phase commit are. */
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
  /** Newest place of this participant; it may be gone. */
  #place: Member | null = null;
  #hold: MemberHold | null = null;
  readonly #calls = new HandlerCalls(this);
  readonly #orphans: Orphans;
  /** Last reported message of each transaction with a record that cannot be read. */
  readonly #told = new Map<string, string>();

  /** @throws TypeError or RangeError for a wrong argument, which the message names */
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

  /** Whether this process is certainly the active one, by its clock at the time of the access. */
  get isActive(): boolean {
    return this.#hold?.state === 'held';
  }

  /**
   * Joins the line; resolves when the place exists. From then on, whenever this process is first, the participant finishes the transactions
   * in the inbox and takes part in new ones, until it is closed. Errors go to the `backgroundError` event of the `Keeper`.
   *
   * @throws ParticipantStartedError; ClosedError if the participant was closed; the error of the create: then the participant can be
   *   started again
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
   * Leaves the line, so that the next process becomes active. The signals of running handlers abort, and `close` waits for the handlers.
   * The place in the line stays until they have ended. Idempotent; rejects only for the reasons below. A `backgroundError` with the
   * operation `left behind` reports a place that could not be removed.
   *
   * @param options.timeoutMs longest wait in milliseconds for the work with the server after the handlers: default 2,000, from 0 to 2^31-1.
   *   Without a connection `close` does not wait
   * @throws SelfWaitError if a handler of this participant awaits `close`, which waits for the handler; the participant is closed all the
   *   same. RangeError for a wrong limit
   */
  close(options: EndingOptions = {}): Promise<void> {
    return refuseSelfWait(this, 'close() of Participant', this.#close(options));
  }

  async #close(options: EndingOptions): Promise<void> {
    const timeoutMs = checkEnding(options);
    const left = this.#leave();
    // `left` may reject before it is awaited.
    left.catch(() => {});
    // The limit applies only to the work with the server.
    await this.#calls.untilEnded();
    // The background reports a refusal.
    await waitForEnding(this.#keeper, this.#store.layout.line(this.name), left, timeoutMs).catch(() => {});
  }

  /**
   * Asks the resource for the ids of orphans: prepared work whose transaction no longer exists. Empty if the handlers have no `prepared`.
   *
   * @throws ClosedError; the signal's reason; the errors of the resource
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
   * Ends an orphan manually, and writes an audit record. An orphan is prepared work of the resource whose transaction no longer exists.
   *
   * @throws TransactionStateError if the transaction exists; TypeError if the handlers have no `settle`; ClosedError; the errors of the
   *   resource
   */
  async settleOrphan(id: string, options: SettleOrphanOptions): Promise<void> {
    checkOptions('settleOrphan of Participant (id of a transaction)', nameSchema, id);
    checkOptions('settleOrphan of Participant', settleSchema, options);
    checkFunction('settle` of the `handlers', this.#handlers.settle);
    this.#closing.signal.throwIfAborted();
    await this.#orphans.settle(id, options, this.#closing.signal);
  }

  /** Closes the participant as `close` does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Leaves the line. A further call tries again to remove the place.
   *
   * @returns resolves when no handler runs, and the place is gone or the server refused to remove it
   */
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

  /** Serves terms, one after the other, until the participant is closed. */
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
      // It rejects only when the participant or the `Keeper` is closed, which is no error.
      await persevere(this.#keeper, term, { signal, onFailure }).catch(() => {});
    }
    // The participant was closed between its enrolment and its first term.
    if (member !== null) await remove(member);
  }

  /**
   * Works while the place is held. All handlers have ended when it settles.
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
    // One at a time: the lists of an inbox that is too large would accumulate with each reconnect.
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
      // Not sent together: if the server first refused the watch, it would be set after the list, and entries created in between would be
      // missed.
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

  /** Repeats work until it succeeds, or the signal aborts. */
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

/** Removes a place from the line. If the server refuses, the background reports that and goes on. */
async function remove(member: Member): Promise<void> {
  await member.remove().catch(() => {});
}
