import { ConnectionLossError, FrameTooLargeError, SessionExpiredError } from '@zk-recipes/core';
import {
  acrossSessions,
  Change,
  follow,
  messageOf,
  namesIn,
  removeWatch,
  systemClock,
  unfollow,
} from '@zk-recipes/core/recipe-kit';
import type { MalformedRecordError } from './errors.js';
import type { Presence } from './presence.js';
import type { Verdict, Write } from './protocol.js';
import { type Decision, encodeTransaction, type Vote, votesKnown } from './records.js';
import type { Refusal, Store } from './store.js';

/** Time in milliseconds for which a caller that gives up waits for the decision. */
const GRACE_MS = 250;

/** Transaction of a coordinator, from its beginning to its decision. */
export class Run {
  readonly id: string;
  readonly participants: readonly string[];
  readonly #store: Store;
  readonly #presence: Presence;
  readonly #votes = new Map<string, Vote>();
  readonly #unreadable = new Map<string, MalformedRecordError>();
  #mayBeCommitted = false;
  #isBegun = false;
  #mayBeBegun = false;

  constructor(store: Store, presence: Presence, id: string, participants: readonly string[]) {
    this.#store = store;
    this.#presence = presence;
    this.id = id;
    this.participants = participants;
  }

  /** Whether the transaction has certainly begun. */
  get isBegun(): boolean {
    return this.#isBegun;
  }

  /** Whether the request that begins the transaction was made, so that the transaction may exist. */
  get mayBeBegun(): boolean {
    return this.#mayBeBegun;
  }

  /** Whether a commit was tried, so that the decision is unknown until it is read. */
  get mayBeCommitted(): boolean {
    return this.#mayBeCommitted;
  }

  /**
   * Runs step 1. The request is sent again until its outcome is certain: if it was executed, the server refuses it, since the transaction
   * exists.
   */
  async begin(payload: Uint8Array, signal: AbortSignal): Promise<void> {
    const { protocol, layout } = this.#store;
    const { id, participants } = this;
    const coordinator = this.#presence.uuid;
    const data = encodeTransaction({ participants, coordinator }, payload);
    const writes = protocol.begin(layout, id, participants, coordinator, data);
    await acrossSessions(this.#store.keeper, signal, async () => {
      for (;;) {
        await this.#presence.established(signal);
        signal.throwIfAborted();
        this.#mayBeBegun = true;
        const refusal = await this.#perform(writes, payload, signal);
        if (refusal === null || refusal.write.path === layout.transaction(id)) return;
        if (refusal.write.do !== 'check') throw refusal.error;
        this.#presence.forget();
      }
    });
    this.#isBegun = true;
  }

  /** @throws RangeError if the transaction does not fit into a request */
  async #perform(writes: readonly Write[], payload: Uint8Array, signal: AbortSignal): Promise<Refusal | null> {
    try {
      return await this.#store.perform(writes, { signal, creatingParents: true });
    } catch (error) {
      if (!(error instanceof FrameTooLargeError)) throw error;
      const fits = Math.max(0, payload.byteLength - (error.bytes - error.limit));
      throw new RangeError(
        `Expected \`payload\` to have at most ${fits} bytes, got ${payload.byteLength}: with ${this.participants.length} participants ` +
          `the request would have ${error.bytes} bytes, where ${error.limit} are allowed (\`maxFrameBytes\` of the Keeper)`,
        { cause: error },
      );
    }
  }

  /** Runs step 2: waits until the votes or the signal determine the decision, or another process has decided. */
  async untilSettled(signal: AbortSignal): Promise<Verdict | Decision> {
    const { keeper } = this.#store;
    try {
      return await acrossSessions(keeper, signal, () => this.#untilVoted(signal));
    } catch (error) {
      if (!signal.aborted) throw error;
      const absent = await this.#absent();
      const whose = absent.length === 0 ? '' : `; no process serves ${absent.join(', ')}`;
      return this.#verdict(messageOf(signal.reason) + whose) as Verdict;
    }
  }

  /**
   * Returns the participants that have not voted and that no process serves now. Their names may be wrong, or all of their processes may be
   * gone; other participants are slow. Waits no longer than a caller that has given up, and returns none if the server does not answer in
   * that time.
   */
  async #absent(): Promise<string[]> {
    const { keeper, layout } = this.#store;
    const limit = new AbortController();
    const cancelTimer = systemClock.schedule(GRACE_MS, () => limit.abort());
    try {
      const silent = this.participants.filter((name) => !this.#votes.has(name) && !this.#unreadable.has(name));
      const lines = silent.map((name) => namesIn(keeper, layout.line(name), { signal: limit.signal }));
      const places = await Promise.all(lines);
      return silent.filter((_, index) => places[index]?.length === 0);
    } catch {
      // The list is only for people, and changes no decision.
      return [];
    } finally {
      cancelTimer();
    }
  }

  async #untilVoted(signal: AbortSignal): Promise<Verdict | Decision> {
    const { keeper, layout } = this.#store;
    const path = layout.votes(this.id);
    // In an earlier session this coordinator seemed to be gone, so another process may have decided.
    for (let isFirst = true; ; isFirst = false) {
      const change = new Change();
      const listing = keeper.getChildren().watching(change.happened).forPath(path, { signal });
      const reading = isFirst ? this.#store.readDecision(this.id, { signal }) : null;
      const [names, view] = await Promise.all([listing, reading]);
      try {
        if (view?.decision) return this.#unwatch(path, change, view.decision);
        const fresh = this.participants.filter((name) => names.includes(name) && !this.#votes.has(name));
        const { votes, unreadable } = await this.#store.readVotes(this.id, fresh, { signal });
        for (const [name, vote] of votes) this.#votes.set(name, vote);
        for (const [name, error] of unreadable) this.#unreadable.set(name, error);
        const verdict = this.#verdict(null);
        if (verdict !== null) return this.#unwatch(path, change, verdict);
        const event = await change.orThrow(signal);
        if (event.type === 'None') throw new SessionExpiredError();
      } catch (error) {
        this.#unwatch(path, change, null);
        throw error;
      }
    }
  }

  #verdict(end: string | null): Verdict | null {
    const ballot = { participants: this.participants, votes: this.#votes, unreadable: this.#unreadable };
    return this.#store.protocol.verdict(ballot, end);
  }

  #unwatch<R>(path: string, change: Change, result: R): R {
    removeWatch(this.#store.keeper, path, 'CHILDREN', change.happened);
    return result;
  }

  /**
   * Runs step 3. May be called again.
   *
   * @throws ConnectionLossError if the decision is not known
   */
  async decide(verdict: Verdict, signal: AbortSignal): Promise<Decision> {
    const by = `coordinator ${this.#presence.uuid}`;
    const votes = votesKnown(this.#votes);
    this.#mayBeCommitted ||= verdict.decision === 'committed';
    const decide = () => this.#store.decide(this, { ...verdict, by, votes }, { signal });
    const decision = await acrossSessions(this.#store.keeper, signal, decide);
    if (decision === null) throw this.unknown(new Error('the transaction is gone'));
    return decision;
  }

  /** Decides for a caller. Once the caller gives up, tries only a little longer. @throws the errors of `decide`; the caller's reason */
  async decideFor(verdict: Verdict, caller: AbortSignal): Promise<Decision> {
    const patience = new AbortController();
    let cancelTimer = (): void => {};
    const onAbort = (): void => {
      cancelTimer = systemClock.schedule(GRACE_MS, () => patience.abort(caller.reason));
    };
    if (caller.aborted) onAbort();
    else follow(caller, onAbort);
    try {
      return await this.decide(verdict, patience.signal);
    } finally {
      cancelTimer();
      unfollow(caller, onAbort);
    }
  }

  /** Creates the error for a decision that is unknown. */
  unknown(cause: unknown): ConnectionLossError {
    return new ConnectionLossError('two-phase commit', this.#store.layout.transaction(this.id), 'unknown', cause);
  }
}
