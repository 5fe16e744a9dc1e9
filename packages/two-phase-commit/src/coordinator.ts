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
 *   `run` resolves with the durable decision: `committed` only if all participants have voted to commit. A decision is one conditional write by a
 *   coordinator, recovery or an operator. If several of them try, one write succeeds, and the others read that decision. Recovery aborts the
 *   undecided transactions of a coordinator that is gone (presumed abort). By default one of all coordinators runs recovery in the background.
 * Not guaranteed
 *   That `run` always knows: without a connection it rejects with a `ConnectionLossError` of outcome `unknown` that names the
 *   transaction. That participants have finished when it resolves.
 * Znodes
 *   <path>/coordinators/<uuid>              ephemeral: this object lives
 *   <path>/transactions/<id>                persistent: participants, coordinator, payload; never changed
 *   <path>/transactions/<id>/decision       empty and of version 0 until the transaction is decided, of version 1 from then on
 *   <path>/transactions/<id>/votes, done    participants write their votes, and note that they have finished
 *   <path>/participants/<name>/inbox/<id>   tells the participant
 *   <path>/audit/<id>-…                     records of manual changes by an operator
 * Protocol
 *   1. Create the transaction and the entries of all inboxes, in one transaction with a check of the own ephemeral.
 *   2. Watch the votes; read each vote as it comes. All votes say commit: commit. One says abort, the time is over, or the caller gives up: abort.
 *   3. Decide: set the decision if its version is 0, to commit in one transaction with checks of all votes. Refused: read it.
 *   4. In the background: when all have finished, remove the transaction.
 * Failures
 *   reply to step 1 lost             sent again: refused, since the transaction exists
 *   reply to step 3 lost             sent again: refused, since it is decided; read
 *   session expires                  the ephemeral is created again in the new session; the coordinator goes on, or finds that recovery was first
 *   crash before step 3              recovery aborts
 *   crash after step 3               the decision stands; participants find it; recovery removes the transaction in the end
 *   paused beyond the session        as with an expired session; a late decision is refused
 *   disconnected in step 2           the watch is set again on reconnect, and reports the missed votes
 *   no connection in step 3          `run` rejects; the coordinator goes on to decide in the background
 *   a vote cannot be read            aborted, with a reason that names it
 *   a record cannot be read          recovery and `pending` show it, and go on with the others; an operator decides
 *   decision refused                 reported once; tried again in the background, by `run` and by recovery
 *   participant gone for ever        reported from 1,000 unfinished transactions on; refused from `maxUnfinished` on
 *   too large for a request          refused before it is sent
 *   given up                         aborted, in the background if there is no connection
 *   closed                           aborted; without a connection it is left to recovery, and a background error reports that
 */

/**
 * Coordinator of transactions that all participants commit, or none.
 *
 * @see https://zookeeper.apache.org/doc/current/recipes.html, "Two-phased Commit"
 */
export class Coordinator<T> {
  /** Path below which all znodes of the two-phase commit are. */
  readonly path: string;
  readonly #keeper: Keeper;
  readonly #store: Store;
  readonly #presence: Presence;
  readonly #backlog: Backlog;
  readonly #codec: Codec<T>;
  readonly #retentionMs: number;
  readonly #recovery: 'manual' | 'background';
  readonly #closing = new AbortController();
  /** Aborts when `close` no longer waits for decisions. */
  readonly #leaving = new AbortController();
  readonly #background: BackgroundWork;
  readonly #calls = new Set<Promise<unknown>>();
  #isRecovering = false;

  /** @throws TypeError or RangeError for a wrong argument, which the message names */
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
   * Runs a transaction: asks all participants to prepare, and decides.
   *
   * @returns the durable decision. Participants may still have to finish
   * @throws ConnectionLossError of outcome `unknown`, with the path of the transaction, if the coordinator cannot learn the outcome: the
   *   transaction will be aborted if it is not decided yet. ClosedError; the signal's reason: the transaction is aborted, or will be.
   *   TypeError, RangeError, BacklogError: nothing was begun; for a participant with too many unfinished transactions, a wrong option, a
   *   codec that returns no bytes, and a payload or names that do not fit into a request
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
   * Settles the transactions of coordinators that are gone: aborts undecided transactions, and removes those finished for long enough.
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

  /** Lists the transactions that some participant has not finished, the oldest first. @throws ClosedError; the signal's reason */
  async pending(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<PendingTransaction[]> {
    checkOptions('pending of Coordinator', callSchema, options);
    options.signal?.throwIfAborted();
    // Does not start recovery, because reading must change nothing.
    this.#throwIfClosed();
    return await this.#untilClosed(options.signal, (signal) => listPending(this.#store, this.#presence, signal));
  }

  /**
   * Counts all transactions, and the unfinished transactions of each participant, however many exist.
   *
   * @throws ClosedError; the signal's reason
   */
  async counts(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Counts> {
    checkOptions('counts of Coordinator', callSchema, options);
    options.signal?.throwIfAborted();
    this.#throwIfClosed();
    return await this.#untilClosed(options.signal, (signal) =>
      acrossSessions(this.#keeper, signal, () => this.#store.counts({ signal })),
    );
  }

  /**
   * Decides a transaction manually, and writes an audit record. The rules of the protocol still apply: `committed` needs the votes of all
   * participants. `aborted` needs no readable record. An unreadable decision is replaced only with `replaceUnreadable`.
   *
   * @returns the decision, if it is the requested one
   * @throws TransactionStateError if the transaction has another decision, or an unreadable one; if a vote to commit is missing or
   *   unreadable: the message names the participant; if the transaction does not exist
   * @throws ClosedError if the coordinator was closed meanwhile: the decision may still take effect
   */
  async force(id: string, options: ForceOptions): Promise<Outcome> {
    checkOptions('force of Coordinator (id of a transaction)', nameSchema, id);
    checkOptions('force of Coordinator', forceSchema, options);
    this.#throwIfClosed();
    const decided = await this.#untilClosed(undefined, (signal) => forceDecision(this.#store, id, options, signal));
    return outcomeOf(id, decided);
  }

  /**
   * Treats a participant that never comes back as finished, and writes an audit record. The participant will not learn the decision.
   *
   * @throws TransactionStateError if the transaction is not decided yet (`force` comes first), or the transaction or the participant does
   *   not exist
   * @throws ClosedError if the coordinator was closed meanwhile: the call may still take effect
   */
  async forget(id: string, participant: string, options: OperatorCall): Promise<void>;
  /**
   * Treats the participant as finished in all its unfinished transactions of a certain age, and writes one audit record. A transaction that
   * fails, for instance because it is not decided yet, does not stop the others.
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
   * Aborts the running transactions, and removes the coordinator's ephemeral; `run` and all other calls end. Does not wait for
   * participants: recovery settles transactions that they have not finished, or that could not be decided. Idempotent; never rejects. A
   * `backgroundError` with the operation `left behind` reports an undecided transaction, and an ephemeral that could not be removed.
   *
   * @param options.timeoutMs longest wait in milliseconds for the work with the server: default 2,000, from 0 to 2^31-1. Without a
   *   connection `close` does not wait
   * @throws RangeError for a wrong limit
   */
  async close(options: EndingOptions = {}): Promise<void> {
    const timeoutMs = checkEnding(options);
    const reason = new ClosedError(`coordinator of ${this.path} is closed`);
    this.#closing.abort(reason);
    // The background reports a refusal.
    await waitForEnding(this.#keeper, this.#presence.path, this.#end(), timeoutMs).catch(() => {});
    this.#leaving.abort(reason);
  }

  /** Closes the coordinator as `close` does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends the coordinator. The ephemeral stays until each transaction is decided, or left to recovery. */
  async #end(): Promise<void> {
    await Promise.allSettled(this.#calls);
    await this.#background.untilEnded();
    await this.#presence.end();
  }

  /** Runs work that ends when the coordinator is closed. @throws the errors of the work; ClosedError; the signal's reason */
  #untilClosed<R>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<R>): Promise<R> {
    return this.#untilEnded(
      withAnySignal([signal, this.#closing.signal], (either) => work(either ?? this.#closing.signal)),
    );
  }

  /** Registers a call for which `close` waits. */
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

  /**
   * Runs a transaction.
   *
   * @param caller aborts when the caller gives up, or the coordinator is closed
   * @param signal aborts when the voting has to end, for any reason
   */
  async #run(run: Run, payload: Uint8Array, caller: AbortSignal, signal: AbortSignal): Promise<Outcome> {
    let verdict: Verdict | Decision;
    try {
      await run.begin(payload, signal); //                                                       step 1
      verdict = await run.untilSettled(signal); //                                               step 2
    } catch (error) {
      // The server refused the transaction, or it was not sent: it has certainly not begun.
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

  /**
   * Decides a transaction in the background, when its caller no longer waits.
   *
   * @param reason reason of the abort, unless the transaction is decided already
   */
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

  /** Runs step 4. After `close`, recovery does this work. */
  #tidyInBackground(run: Run): void {
    this.#background.begin((signal) => this.#tidy(run, signal), this.#closing.signal);
  }

  async #tidy(run: Run, signal: AbortSignal): Promise<void> {
    const { layout } = this.#store;
    const isFinished = (names: readonly string[]): boolean => run.participants.every((name) => names.includes(name));
    try {
      await untilChildren(this.#keeper, layout.acknowledgements(run.id), isFinished, { signal });
    } catch (error) {
      // Another coordinator has removed the transaction.
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
