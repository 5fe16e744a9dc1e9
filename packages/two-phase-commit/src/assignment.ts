import { NoNodeError, SessionExpiredError } from '@zk-recipes/core';
import { Change, follow, messageOf, persevere, removeWatch, unfollow } from '@zk-recipes/core/recipe-kit';
import type { Codec } from './codec.js';
import { MalformedRecordError } from './errors.js';
import type { HandlerCalls } from './handler-calls.js';
import type { ParticipantHandlers, ParticipantTransaction } from './participant-options.js';
import { type Decision, encodeRecord, type Vote } from './records.js';
import type { Slots } from './slots.js';
import type { Store, StoredTransaction } from './store.js';

/** Shared context of all assignments of an active participant. */
export interface Post<T> {
  readonly store: Store;
  readonly participant: string;
  /** Path of the own znode in the line. */
  readonly place: string;
  /** Signal that aborts when the place is lost, or the participant is closed. */
  readonly ending: AbortSignal;
  readonly handlers: ParticipantHandlers<T>;
  readonly codec: Codec<T>;
  readonly beginning: Slots;
  /** Separate from `beginning`: a `prepare` may wait in its resource for what a `commit` or `abort` releases. */
  readonly finishing: Slots;
  readonly calls: HandlerCalls;
  readonly report: (error: unknown, id: string) => void;
  /** Called for a transaction that no longer exists, though the participant has not finished it. */
  readonly onGone: (id: string, why: string) => void;
  /** Reports a record that cannot be read, once for each reason; `null` when it can be read again. */
  readonly tell: (error: MalformedRecordError | null, id: string) => void;
}

/** Transaction that was voted on, or is decided. */
interface Begun {
  readonly transaction: StoredTransaction;
  readonly decision: Decision | null;
  readonly vote: Vote | null;
  /** Vote that still has to be written. */
  readonly own: Vote | null;
  /** Watch on the decision. */
  readonly change: Change;
}

/** Part of one participant in one transaction, from its current state to its end. */
export class Assignment<T> {
  readonly #post: Post<T>;
  readonly #id: string;
  #failures = 0;

  constructor(post: Post<T>, id: string) {
    this.#post = post;
    this.#id = id;
  }

  /** Runs the assignment. @throws the reason why it stops early: the place is lost, or the participant is closed */
  async run(): Promise<void> {
    const { store, participant, place } = this.#post;
    const begun = await this.#readable(() => this.#begin()); //                                        steps 2 and 3
    if (begun === null) return await this.#tellIfListed();
    const decision = begun.decision ?? (await this.#decided(begun)); //                                steps 4 and 5
    if (decision === null) return this.#post.onGone(this.#id, 'is gone before its decision was known');
    await this.#carryOut(begun.transaction, begun.vote, decision); //                                  step 6
    const finish = store.protocol.finish(store.layout, this.#id, participant, place);
    await this.#persist(async () => {
      //                                                               step 7
      const refusal = await store.perform(finish, this.#call);
      // The participant is done already, or an operator has settled it; or the place is lost.
      if (refusal?.write.do === 'check') throw refusal.error;
    });
    this.#post.tell(null, this.#id);
  }

  /** Reports a missing transaction if the inbox still lists it: the removal of a finished transaction first removes its entry. */
  async #tellIfListed(): Promise<void> {
    const { store, participant } = this.#post;
    const path = store.layout.entry(participant, this.#id);
    const entry = await this.#persist(() => store.keeper.exists().forPath(path, this.#call));
    if (entry !== null)
      this.#post.onGone(this.#id, 'is not there, or its decision is not, though the inbox has an entry');
  }

  get #call(): { readonly signal: AbortSignal } {
    return { signal: this.#post.ending };
  }

  /** Reads the whole state, and prepares if there is no vote yet. Has a slot meanwhile. `null` if the transaction does not exist. */
  async #begin(): Promise<Begun | null> {
    const { store, beginning } = this.#post;
    const change = new Change();
    const begin = async (): Promise<Begun | null> => {
      const [transaction, view, vote] = await Promise.all([
        store.readTransaction(this.#id, this.#call),
        store.readDecision(this.#id, { ...this.#call, watch: change.happened }),
        this.#ownVote(),
      ]);
      if (transaction === null || view === null) return null;
      const { decision } = view;
      if (decision !== null) this.#unwatch(change);
      const next = store.protocol.next({ isDecided: decision !== null, vote });
      if (next !== 'prepare') return { transaction, decision, vote, own: null, change };
      const own = await this.#prepare(transaction, change);
      return { transaction, decision: null, vote: own, own, change };
    };
    try {
      return await beginning.run(begin);
    } catch (error) {
      this.#unwatch(change);
      throw error;
    }
  }

  async #decided({ own, change }: Begun): Promise<Decision | null> {
    try {
      if (own !== null) await this.#vote(own);
      return await this.#untilDecided(change);
    } catch (error) {
      this.#unwatch(change);
      throw error;
    }
  }

  /** Returns the own vote. An unreadable vote is reported, and counts as a vote. */
  async #ownVote(): Promise<Vote | null> {
    const { store, participant } = this.#post;
    try {
      return await store.readVote(this.#id, participant, this.#call);
    } catch (error) {
      if (!(error instanceof MalformedRecordError)) throw error;
      this.#post.tell(error, this.#id);
      return { vote: 'abort' };
    }
  }

  /** Reads until it succeeds. A record that cannot be read is reported once; then the assignment waits for its change, without a slot. */
  async #readable<R>(read: () => Promise<R>): Promise<R> {
    for (;;) {
      const found = await this.#persist(async () => {
        try {
          return { value: await read() };
        } catch (error) {
          if (error instanceof MalformedRecordError) return { error };
          throw error;
        }
      });
      if ('value' in found) return found.value;
      this.#post.tell(found.error, this.#id);
      await this.#untilReadable(found.error.path);
      this.#post.tell(null, this.#id);
    }
  }

  /** Waits until the record can be read, or is gone. */
  async #untilReadable(path: string): Promise<void> {
    const { store, ending } = this.#post;
    const isDecision = path === store.layout.decision(this.#id);
    for (;;) {
      const change = new Change();
      const call = { ...this.#call, watch: change.happened };
      const reading = () => (isDecision ? store.readDecision(this.#id, call) : store.readTransaction(this.#id, call));
      const isReadable = await this.#persist(async () => {
        try {
          await reading();
          return true;
        } catch (error) {
          if (!(error instanceof MalformedRecordError)) throw error;
          this.#post.tell(error, this.#id);
          return false;
        }
      });
      const event = isReadable ? null : await change.orAbort(ending);
      if (event === null) removeWatch(store.keeper, path, 'DATA', change.happened);
      if (isReadable) return;
      ending.throwIfAborted();
      if (event?.type === 'None') throw new SessionExpiredError();
    }
  }

  async #prepare(transaction: StoredTransaction, change: Change): Promise<Vote> {
    const { ending, handlers, codec, calls } = this.#post;
    let payload: T;
    try {
      payload = codec.decode(transaction.payload);
    } catch (error) {
      this.#post.report(error, this.#id);
      return { vote: 'abort', reason: `the payload cannot be read: ${messageOf(error)}`, unread: true };
    }
    const settled = new AbortController();
    const onEnd = (): void => settled.abort(ending.reason);
    follow(ending, onEnd);
    // Any event means that the transaction is decided or gone. At the end of the session the place ends, too.
    const over = new AbortController();
    void change.orAbort(over.signal).then((event) => {
      if (event !== null && event.type !== 'None') settled.abort(new Error(`transaction ${this.#id} is decided`));
    });
    try {
      ending.throwIfAborted();
      const presented = this.#present(transaction, payload, settled.signal);
      const answer: unknown = await calls.call(() => handlers.prepare(presented));
      if (answer === 'commit' || answer === 'abort') return { vote: answer };
      return { vote: 'abort', reason: `prepare returned ${messageOf(answer)} instead of 'commit' or 'abort'` };
    } catch (error) {
      ending.throwIfAborted();
      return { vote: 'abort', reason: messageOf(error) };
    } finally {
      over.abort();
      unfollow(ending, onEnd);
    }
  }

  async #vote(vote: Vote): Promise<void> {
    const { store, participant, place } = this.#post;
    const writes = store.protocol.vote(store.layout, this.#id, participant, place, vote);
    await this.#persist(async () => {
      const refusal = await store.perform(writes, this.#call);
      // The transaction is decided, or an earlier attempt voted and its reply was lost.
      if (refusal?.write.path === place) throw refusal.error;
    });
  }

  /** Waits for the decision. The watch was set when the state was read. `null` if the transaction is gone. */
  async #untilDecided(first: Change): Promise<Decision | null> {
    const { store, ending } = this.#post;
    for (let change = first; ; ) {
      const event = await change.orAbort(ending);
      if (event === null) {
        this.#unwatch(change);
        throw ending.reason;
      }
      if (event.type === 'None') throw new SessionExpiredError();
      change = new Change();
      const { happened: watch } = change;
      const view = await this.#readable(() => store.readDecision(this.#id, { ...this.#call, watch }));
      if (view === null) return null;
      if (view.decision === null) continue;
      this.#unwatch(change);
      return view.decision;
    }
  }

  async #carryOut(transaction: StoredTransaction, vote: Vote | null, { decision }: Decision): Promise<void> {
    const { handlers, codec, finishing, ending, calls } = this.#post;
    // Without `prepare` there is nothing to undo, and no payload to hand over.
    if (decision === 'aborted' && vote?.unread) return;
    const handler = decision === 'committed' ? handlers.commit : handlers.abort;
    const attempt = async (): Promise<void> => {
      try {
        const payload = codec.decode(transaction.payload);
        await finishing.run(async () => {
          ending.throwIfAborted();
          await calls.call(() => handler.call(handlers, this.#present(transaction, payload, ending)));
        });
      } catch (error) {
        if (!ending.aborted) await this.#note(error);
        throw error;
      }
    };
    await this.#persist(attempt);
  }

  /** Writes a failure into the inbox entry, so that an operator sees why the transaction is not finished. */
  async #note(error: unknown): Promise<void> {
    const { store, participant, place } = this.#post;
    this.#failures += 1;
    const data = encodeRecord({ message: messageOf(error), failures: this.#failures });
    const path = store.layout.entry(participant, this.#id);
    try {
      const writes = [{ do: 'check', path: place } as const, { do: 'set', path, data, version: -1 } as const];
      await store.perform(writes, this.#call);
    } catch (failure) {
      this.#post.report(failure, this.#id);
    }
  }

  #present({ id, participants }: StoredTransaction, payload: T, signal: AbortSignal): ParticipantTransaction<T> {
    return { id, payload, participant: this.#post.participant, participants, signal };
  }

  #unwatch(change: Change): void {
    const { store } = this.#post;
    removeWatch(store.keeper, store.layout.decision(this.#id), 'DATA', change.happened);
  }

  /** Repeats work until it succeeds, or the place is lost. */
  #persist<R>(work: () => Promise<R>): Promise<R> {
    const { store, ending, report, place } = this.#post;
    return persevere(store.keeper, work, {
      signal: ending,
      onFailure: (error) => {
        const isLossOfPlace = error instanceof NoNodeError && error.path === place;
        if (!isLossOfPlace && !(error instanceof SessionExpiredError)) report(error, this.#id);
      },
    });
  }
}
