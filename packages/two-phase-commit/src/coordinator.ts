import { randomUUID } from 'node:crypto';
import { ClosedError, type Keeper, KeeperError } from '@zk-recipes/core';
import {
  acrossSessions,
  checkEnding,
  checkOptions,
  checkPlace,
  type EndingOptions,
  LEFT_BEHIND,
  messageOf,
  systemClock,
  untilChildren,
  waitForEnding,
  withAnySignal,
} from '@zk-recipes/core/recipe-kit';
import { BackgroundWork } from './background-work.js';
import { Backlog } from './backlog.js';
import { type Codec, encodePayload, json } from './codec.js';
import {
  type CoordinatorOptions,
  type Counts,
  callSchema,
  coordinatorSchema,
  type ForceOptions,
  type ForgetOptions,
  type Forgotten,
  forceSchema,
  forgetSchema,
  type OperatorCall,
  type Outcome,
  operatorSchema,
  type PendingTransaction,
  type Recovery,
  type RunOptions,
  runSchema,
} from './coordinator-options.js';
import { forceDecision, forgetParticipant, forgetTransactions } from './operator.js';
import { nameSchema } from './participant-name.js';
import { listPending } from './pending.js';
import { Presence } from './presence.js';
import type { Verdict } from './protocol.js';
import type { Decision } from './records.js';
import { recoverAll, recoverInBackground } from './recovery.js';
import { Run } from './run.js';
import { Store } from './store.js';

/*
 * Guarantee
 *   `run` resolves with what is durably decided: `committed` only if all participants have voted to commit. A decision is one conditional
 *   write, whoever decides: of several who try one succeeds, and the others read what it has decided. Undecided transactions of a
 *   coordinator that is gone are aborted by recovery (presumed abort), which one of all coordinators does in the background by default.
 * Not guaranteed
 *   That `run` always knows: without a connection it rejects with a `ConnectionLossError` of outcome `unknown` that names the
 *   transaction. That participants have finished when it resolves.
 * Znodes
 *   <path>/coordinators/<uuid>              ephemeral: this object lives
 *   <path>/transactions/<id>                persistent: participants, coordinator, payload; never changed
 *   <path>/transactions/<id>/decision       empty and of version 0 until it is decided, of version 1 from then on
 *   <path>/transactions/<id>/votes, done    where the participants vote, and note that they have finished
 *   <path>/participants/<name>/inbox/<id>   tells the participant
 *   <path>/audit/<id>-…                     what an operator has done by hand
 * Protocol
 *   1. Create the transaction and the entries of all inboxes, in one transaction with a check of the own ephemeral.
 *   2. Watch the votes; read each as it comes. All commit: commit. One aborts, the time is over, the caller gives up: abort.
 *   3. Decide: set the decision if its version is 0, to commit in one transaction with checks of all votes. Refused: read it.
 *   4. In the background: when all have finished, remove the transaction.
 * Failures
 *   reply to step 1 lost             sent again: refused, since it is there
 *   reply to step 3 lost             sent again: refused, since it is decided; read
 *   session expires                  its ephemeral is made again in the next one; it goes on, or finds that recovery was first
 *   crash before step 3              recovery aborts
 *   crash after step 3               the decision stands; participants find it; recovery removes the transaction in the end
 *   paused beyond the session        as with an expired session; what it decides late is refused
 *   disconnected in step 2           the watch is set again on reconnect, which tells what was missed
 *   no connection in step 3          `run` rejects; goes on to decide in the background
 *   a vote cannot be read            aborted, with a reason that names it
 *   a record cannot be read          recovery and `pending` show it, and go on with the others; an operator decides
 *   decision refused                 told once; tried again in the background, by `run` and by recovery
 *   participant gone for ever        told from 1,000 unfinished transactions on; refused from `maxUnfinished` on
 *   too large for a request          refused before it is sent
 *   given up                         aborted, in the background if there is no connection
 *   closed                           aborted; without a connection it is left to recovery, which a background error tells
 */

/** Runs transactions that all participants commit, or none. @see https://zookeeper.apache.org/doc/current/recipes.html, "Two-phased Commit" */
export class Coordinator<T> {
  /** Below which the two-phase commit's znodes are. */
  readonly path: string;
  readonly #keeper: Keeper;
  readonly #store: Store;
  readonly #presence: Presence;
  readonly #backlog: Backlog;
  readonly #codec: Codec<T>;
  readonly #retentionMs: number;
  readonly #recovery: 'manual' | 'background';
  readonly #closing = new AbortController();
  /** Aborts when `close` waits no longer for decisions. */
  readonly #leaving = new AbortController();
  readonly #background: BackgroundWork;
  readonly #calls = new Set<Promise<unknown>>();
  #isRecovering = false;

  /** @throws TypeError or RangeError for a wrong argument, which it names */
  constructor(keeper: Keeper, path: string, options: CoordinatorOptions<T> = {}) {
    const unlimited = checkPlace(keeper, path);
    checkOptions('Coordinator', coordinatorSchema, options);
    this.path = path;
    this.#keeper = unlimited;
    this.#background = new BackgroundWork(unlimited, (error) => this.#report(error));
    this.#store = new Store(unlimited, path);
    this.#presence = new Presence(unlimited, (uuid) => this.#store.layout.coordinator(uuid));
    this.#backlog = new Backlog(
      this.#store,
      options.maxUnfinished ?? 20_000,
      (work) => this.#background.begin(work, this.#closing.signal),
      (error) => this.#report(error, this.#store.layout.inbox(error.participant)),
    );
    this.#codec = options.codec ?? (json as Codec<T>);
    this.#retentionMs = options.retentionMs ?? 3_600_000;
    this.#recovery = options.recovery ?? 'background';
  }

  /**
   * Runs a transaction: has all participants prepare, and decides.
   *
   * @returns how it was decided; that is durable. Participants may still be about to finish
   * @throws ConnectionLossError of outcome `unknown`, its path that of the transaction: nobody knows from here; it will be aborted, if it
   *   is not decided yet. ClosedError; the signal's reason: it is aborted, or will be. TypeError, RangeError, BacklogError: nothing was begun;
   *   for a participant with too many unfinished transactions, a wrong option, a codec that returns no bytes, and a payload or names that do not fit into a request
   */
  async run(options: RunOptions<T>): Promise<Outcome> {
    checkOptions('run of Coordinator', runSchema, options);
    options.signal?.throwIfAborted();
    this.#throwIfClosed();
    const payload = encodePayload(this.#codec, options.payload);
    this.#backlog.admit(options.participants);
    this.#begin();
    const run = new Run(this.#store, this.#presence, randomUUID(), [...options.participants]);
    const timeoutMs = options.timeoutMs ?? 30_000;
    const late = new AbortController();
    const onLate = (): void => late.abort(new Error(`not all had voted after ${timeoutMs} ms`));
    const cancelTimer = systemClock.schedule(timeoutMs, onLate);
    const givenUp = [options.signal, this.#closing.signal, this.#presence.over];
    const running = withAnySignal(givenUp, (caller) =>
      withAnySignal([caller, late.signal], (signal) =>
        this.#run(run, payload, caller as AbortSignal, signal as AbortSignal),
      ),
    ).finally(cancelTimer);
    return await this.#untilEnded(running);
  }

  /**
   * Settles the transactions of coordinators that are gone: aborts what is undecided, removes what has been finished for long enough.
   *
   * @throws ClosedError; the signal's reason
   */
  async recover(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Recovery> {
    checkOptions('recover of Coordinator', callSchema, options);
    options.signal?.throwIfAborted();
    this.#begin();
    return await this.#untilClosed(options.signal, (signal) =>
      recoverAll(this.#store, this.#presence, this.#retentionMs, signal),
    );
  }

  /** Transactions that are not finished by all, the oldest first. @throws ClosedError; the signal's reason */
  async pending(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<PendingTransaction[]> {
    checkOptions('pending of Coordinator', callSchema, options);
    options.signal?.throwIfAborted();
    // To look changes nothing: recovery does not begin by it.
    this.#throwIfClosed();
    return await this.#untilClosed(options.signal, (signal) => listPending(this.#store, this.#presence, signal));
  }

  /** Counts transactions, and those that each participant has not finished, however many there are. @throws ClosedError; the signal's reason */
  async counts(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Counts> {
    checkOptions('counts of Coordinator', callSchema, options);
    options.signal?.throwIfAborted();
    this.#throwIfClosed();
    return await this.#untilClosed(options.signal, (signal) =>
      acrossSessions(this.#keeper, signal, () => this.#store.counts({ signal })),
    );
  }

  /**
   * Decides by hand, and leaves an audit record. Never against the protocol: `committed` needs the votes of all. `aborted` needs no record
   * that can be read. A decision that cannot be read is replaced with `replaceUnreadable` only.
   *
   * @returns what is decided, if that is what was asked for
   * @throws TransactionStateError if it is decided otherwise, or that cannot be read; if a vote to commit is missing or cannot be read: its
   *   message says whose; if there is no such transaction;
   *   ClosedError: if the coordinator was closed meanwhile, it may be decided all the same
   */
  async force(id: string, options: ForceOptions): Promise<Outcome> {
    checkOptions('force of Coordinator (id of a transaction)', nameSchema, id);
    checkOptions('force of Coordinator', forceSchema, options);
    this.#throwIfClosed();
    const decided = await this.#untilClosed(undefined, (signal) => forceDecision(this.#store, id, options, signal));
    return outcomeOf(id, decided);
  }

  /**
   * Takes a participant that never comes back for finished, and leaves an audit record. It does not learn the decision any more.
   *
   * @throws TransactionStateError if it is not decided yet (`force` comes first), or if there is no such transaction or participant;
   *   ClosedError: if the coordinator was closed meanwhile, it may be done all the same
   */
  async forget(id: string, participant: string, options: OperatorCall): Promise<void>;
  /**
   * The same for all transactions of a certain age that the participant has not finished, with one audit record. One that fails, for instance
   * since it is not decided yet, keeps none of the others.
   *
   * @throws ClosedError; the signal's reason
   */
  async forget(options: ForgetOptions): Promise<Forgotten>;
  async forget(
    ...call: [id: string, participant: string, options: OperatorCall] | [options: ForgetOptions]
  ): Promise<unknown> {
    if (call.length === 1) return await this.#forgetAll(call[0]);
    const [id, participant, options] = call;
    checkOptions('forget of Coordinator (id of a transaction)', nameSchema, id);
    checkOptions('forget of Coordinator', operatorSchema, options);
    this.#throwIfClosed();
    await this.#untilClosed(undefined, (signal) => forgetParticipant(this.#store, id, participant, options, signal));
    return;
  }

  async #forgetAll(options: ForgetOptions): Promise<Forgotten> {
    checkOptions('forget of Coordinator', forgetSchema, options);
    options.signal?.throwIfAborted();
    this.#throwIfClosed();
    return await this.#untilClosed(options.signal, (signal) =>
      forgetTransactions(this.#store, this.#presence, options, signal),
    );
  }

  /**
   * Aborts the transactions that it runs, and removes its ephemeral; `run` and all other calls end. Does not wait for participants: a
   * transaction that they have not finished, or that could not be decided, is left to recovery. Idempotent; never rejects: a
   * `backgroundError` with the operation `left behind` tells of an undecided transaction, and of the ephemeral if it could not be removed.
   *
   * @param options.timeoutMs how long the work with the server is waited for: default 2,000, from 0 to 2^31-1. Without a connection
   *   it does not wait
   * @throws RangeError for a wrong limit
   */
  async close(options: EndingOptions = {}): Promise<void> {
    const timeoutMs = checkEnding(options);
    const reason = new ClosedError(`coordinator of ${this.path} is closed`);
    this.#closing.abort(reason);
    // Of a refusal the background tells.
    await waitForEnding(this.#keeper, this.#presence.path, this.#end(), timeoutMs).catch(() => {});
    this.#leaving.abort(reason);
  }

  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The ephemeral stays until each transaction is decided, or left to recovery. */
  async #end(): Promise<void> {
    await Promise.allSettled(this.#calls);
    await this.#background.untilEnded();
    await this.#presence.end();
  }

  /** Does something that ends when the coordinator is closed. @throws what it throws; ClosedError; the signal's reason */
  #untilClosed<R>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<R>): Promise<R> {
    return this.#untilEnded(
      withAnySignal([signal, this.#closing.signal], (either) => work(either ?? this.#closing.signal)),
    );
  }

  /** Has `close` wait for a call. */
  async #untilEnded<R>(call: Promise<R>): Promise<R> {
    this.#calls.add(call);
    return await call.finally(() => this.#calls.delete(call));
  }

  #throwIfClosed(): void {
    this.#closing.signal.throwIfAborted();
  }

  #begin(): void {
    this.#throwIfClosed();
    if (this.#recovery === 'manual' || this.#isRecovering) return;
    this.#isRecovering = true;
    const recover = (signal: AbortSignal): Promise<void> =>
      recoverInBackground(this.#store, this.#presence, this.#retentionMs, signal);
    this.#background.begin(recover, this.#closing.signal);
  }

  /** @param caller who gives up @param signal by which the voting has to end, for whatever reason */
  async #run(run: Run, payload: Uint8Array, caller: AbortSignal, signal: AbortSignal): Promise<Outcome> {
    let verdict: Verdict | Decision;
    try {
      await run.begin(payload, signal); //                                                       step 1
      verdict = await run.untilSettled(signal); //                                               step 2
    } catch (error) {
      // Refused by the server, or not sent at all: certainly not begun.
      if (!run.isBegun && (error instanceof KeeperError || error instanceof RangeError)) throw error;
      if (run.mayBeBegun) this.#settle(run, messageOf(signal.aborted ? signal.reason : error));
      if (caller.aborted) throw caller.reason;
      throw run.unknown(error);
    }
    const decision = 'by' in verdict ? verdict : await this.#decide(run, verdict, caller); //    step 3
    this.#tidyInBackground(run); //                                                              step 4
    if (caller.aborted && decision.decision === 'aborted') throw caller.reason;
    return outcomeOf(run.id, decision);
  }

  async #decide(run: Run, verdict: Verdict, caller: AbortSignal): Promise<Decision> {
    try {
      return await run.decideFor(verdict, caller);
    } catch (error) {
      this.#settle(run, `not decided in time: ${messageOf(error)}`);
      if (caller.aborted && !run.mayBeCommitted) throw caller.reason;
      throw run.unknown(error);
    }
  }

  /** Decides a transaction in the background, when its caller waits no longer. @param reason why it is aborted, unless it is decided already */
  #settle(run: Run, reason: string): void {
    const settle = async (signal: AbortSignal): Promise<void> => {
      await this.#keeper.sync().forPath(this.path, { signal });
      if ((await this.#store.readDecision(run.id, { signal })) === null) return;
      await run.decide({ decision: 'aborted', reason }, signal);
      this.#tidyInBackground(run);
    };
    this.#background.begin(settle, this.#leaving.signal, () => {
      const why = new Error('expected a decision before the coordinator was closed; it is left to recovery');
      const path = this.#store.layout.transaction(run.id);
      if (!this.#keeper.closed) this.#keeper.reportBackgroundError(why, LEFT_BEHIND, path);
    });
  }

  /** Step 4. When this is closed it is left to recovery. */
  #tidyInBackground(run: Run): void {
    this.#background.begin((signal) => this.#tidy(run, signal), this.#closing.signal);
  }

  async #tidy(run: Run, signal: AbortSignal): Promise<void> {
    const { layout } = this.#store;
    const isFinished = (names: readonly string[]): boolean => run.participants.every((name) => names.includes(name));
    try {
      await untilChildren(this.#keeper, layout.acknowledgements(run.id), isFinished, { signal });
    } catch (error) {
      // Somebody else has removed it.
      if ((await this.#store.readDecision(run.id, { signal })) === null) return;
      throw error;
    }
    await this.#store.remove(run, { signal });
  }

  #report(error: unknown, path: string = this.path): void {
    if (!this.#keeper.closed) this.#keeper.reportBackgroundError(error, 'Coordinator', path);
  }
}

function outcomeOf(id: string, { decision, reason, votes }: Decision): Outcome {
  return { id, decision, ...(reason === undefined ? {} : { reason }), votes: Object.fromEntries(votes) };
}
