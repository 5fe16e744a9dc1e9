import { checkOptions, sleep } from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';
import type { ParticipantHandlers, ParticipantTransaction, PreparedCall, SettleCall } from '../participant-options.js';
import { Slots } from '../slots.js';
import { PreparedTransactionError } from './errors.js';
import { checkGlobalId, globalIdOf, transactionIdOf } from './global-id.js';
import { codeOf, driveOut, isPrepared, listPrepared, markAborted, markOf, reserve, setUp } from './marks.js';
import { type PostgresClient, type PostgresPool, withClient } from './postgres-client.js';

/*
 * Guarantee
 *   The changes of `work` are committed exactly once if the transaction is committed, and never if it is aborted, whichever processes of the
 *   participant were active meanwhile. No decided and finished transaction stays prepared: an aborted transaction cannot be prepared any more.
 * Not guaranteed
 *   That `work` runs once: it runs again after a crash, and the changes of the first run are rolled back. Effects of `work` outside of its client.
 * In the database
 *   prepared transaction `zk-recipes:<participant>:<id>`   the promise to commit
 *   row of `zk_recipes_two_phase_commit`                   `committed`, written in the prepared transaction; or `aborted`
 *   advisory lock, a hash of the identifier                a session works on the transaction, or has prepared it
 * Protocol
 *   1. prepare: begin; take the lock and write the row `committed`, in one statement. If there is a row, fail.
 *   2. The lock is taken: if the transaction is prepared, that is the promise. Else end the lock's owner, a formerly active process; back to 1.
 *   3. Do the work, and prepare. Check the result: PostgreSQL rolls back instead, without an error, if a statement has failed.
 *   4. commit: commit the prepared transaction. If it does not exist, the row tells that it was committed before.
 *   5. abort: roll back the prepared transaction. Take the lock and write the row `aborted`, in one statement.
 *   6. The lock is taken: end its owner; back to 5, for the transaction may have been prepared.
 * Failures
 *   crash before PREPARE                   rolled back with its connection; the next process begins anew (1, 2)
 *   connection lost in PREPARE             votes abort; 5 and 6 find it prepared or not
 *   crash after PREPARE, before the vote   the next process finds it (2)
 *   crash in COMMIT PREPARED               the next process commits it, or finds the row (4)
 *   paused before PREPARE, and replaced    its connection is ended by the next process (2, 6), or its row refused (1)
 *   paused before BEGIN, and replaced      its row is refused once it is decided (1); before that, the second process waits (2)
 *   PostgreSQL crashes                     prepared transactions exist again, with their locks
 *   rolled back by hand                    commit fails and reports that, again and again
 *   transaction's znodes deleted           it stays prepared; the participant reports it, and an operator or the rule ends it
 */

/** Inverse of a function that makes identifiers. */
type IdOf = (gid: string, participant: string) => string | null;

/** Pause in milliseconds after a connection was terminated, before the state is read again. */
const MOMENT_MS = 10;

/** PostgreSQL's code for a prepared transaction that does not exist. */
const UNDEFINED_OBJECT = '42704';

/** Options of `postgresHandlers`. */
export interface PostgresOptions<T, C extends PostgresClient> {
  /**
   * `Pool` of the package `pg`, of at least 2 clients. One client is always left for commits and aborts. Listen to its `error` event, as
   * `pg` requires: without a listener a connection that breaks while idle ends the process.
   */
  readonly pool: PostgresPool<C>;
  /**
   * Does the participant's part on a client with an open transaction, which it must neither commit nor roll back. If it throws, everything
   * is rolled back and the vote is abort, with the error's message as the reason. When `signal` aborts, the client is closed.
   */
  readonly work: (client: C, transaction: ParticipantTransaction<T>) => Promise<void>;
  /**
   * Returns the identifier of the prepared transaction, at most 199 bytes. The identifier must be constant and unique for each pair of
   * transaction and participant. Default: an identifier made of both names.
   */
  readonly gid?: ((transaction: ParticipantTransaction<T>) => string) | undefined;
  /**
   * Returns the id of the transaction for an identifier from `gid`; `null` for an identifier that is not of this participant. If `gid` is
   * given without `idOf`, orphans are not listed.
   */
  readonly idOf?: ((gid: string, participant: string) => string | null) | undefined;
}

const optionsSchema: z.ZodMiniType = z.strictObject({
  pool: z.custom<PostgresPool<PostgresClient>>(
    (value) => typeof (value as PostgresPool<PostgresClient> | null)?.connect === 'function',
    'a Pool of the package pg',
  ),
  work: z.custom((value) => typeof value === 'function', 'a function'),
  gid: z.optional(z.custom((value) => typeof value === 'function', 'a function')),
  idOf: z.optional(z.custom((value) => typeof value === 'function', 'a function')),
});

/**
 * Creates the handlers of a participant whose resource is a PostgreSQL database, by its prepared transactions.
 *
 * The setting `max_prepared_transactions`, 0 by default, must be at least the number of transactions that wait for their decision at once.
 * The table `zk_recipes_two_phase_commit` must exist, or the role needs the right to create it. All processes of a participant must have
 * the same role.
 *
 * @throws TypeError or RangeError for a wrong option, which the message names
 */
export function postgresHandlers<T, C extends PostgresClient>(options: PostgresOptions<T, C>): ParticipantHandlers<T> {
  checkOptions('postgresHandlers', optionsSchema, options);
  const max = options.pool.options?.max ?? Number.POSITIVE_INFINITY;
  if (max < 2) throw new RangeError(`Expected \`pool\` of postgresHandlers to have 2 clients or more, got ${max}`);
  return new PostgresHandlers(options, new Slots(max - 1));
}

class PostgresHandlers<T, C extends PostgresClient> implements ParticipantHandlers<T> {
  readonly prepared?: (call: PreparedCall) => Promise<string[]>;
  readonly settle?: (orphan: SettleCall) => Promise<void>;
  readonly #options: PostgresOptions<T, C>;
  readonly #preparing: Slots;
  #isSetUp = false;

  /** @param preparing leaves a client for commits and aborts: a `prepare` may wait for a row that the other transaction has locked */
  constructor(options: PostgresOptions<T, C>, preparing: Slots) {
    this.#options = options;
    this.#preparing = preparing;
    const idOf = options.idOf ?? (options.gid === undefined ? transactionIdOf : undefined);
    if (idOf === undefined) return;
    this.prepared = async (call) => [...(await this.#listPrepared(call, idOf)).keys()];
    this.settle = (call) => this.#settle(call, idOf);
  }

  prepare(transaction: ParticipantTransaction<T>): Promise<'commit'> {
    const gid = this.#gidOf(transaction);
    return this.#preparing.run(() => this.#with(transaction, (client) => this.#prepare(client, gid, transaction)));
  }

  commit(transaction: ParticipantTransaction<T>): Promise<void> {
    const gid = this.#gidOf(transaction);
    return this.#with(transaction, (client) => this.#commit(client, gid));
  }

  async #commit(client: C, gid: string): Promise<void> {
    if (await finish(client, 'COMMIT', gid)) return; //                                       step 4
    await this.#setUp(client);
    const mark = await markOf(client, gid);
    if (mark !== 'committed') {
      throw new PreparedTransactionError(gid, `cannot be committed: it is ${mark ?? 'neither prepared nor committed'}`);
    }
  }

  abort(transaction: ParticipantTransaction<T>): Promise<void> {
    const gid = this.#gidOf(transaction);
    return this.#with(transaction, (client) => this.#abort(client, gid, transaction));
  }

  async #abort(client: C, gid: string, call: { readonly signal: AbortSignal }): Promise<void> {
    await this.#setUp(client);
    for (;;) {
      await finish(client, 'ROLLBACK', gid); //                                                step 5
      const mark = await markAborted(client, gid);
      if (mark === 'aborted') return;
      if (mark !== null) throw new PreparedTransactionError(gid, 'cannot be aborted: it is committed');
      await this.#driveOut(client, gid, call); //                                              step 6
    }
  }

  /** Returns the identifiers of the prepared transactions of a participant, by the ids of the transactions. */
  async #listPrepared(call: PreparedCall, idOf: IdOf): Promise<Map<string, string>> {
    const gids = await this.#with(call, listPrepared);
    const named = gids.map((gid) => [idOf(gid, call.participant), gid] as const);
    return new Map(named.filter((one): one is readonly [string, string] => one[0] !== null));
  }

  async #settle(call: SettleCall, idOf: IdOf): Promise<void> {
    const gid = (await this.#listPrepared(call, idOf)).get(call.id);
    // An earlier call has settled it.
    if (gid === undefined) return;
    await this.#with(call, (client) =>
      call.decision === 'committed' ? this.#commit(client, gid) : this.#abort(client, gid, call),
    );
  }

  async #prepare(client: C, gid: string, transaction: ParticipantTransaction<T>): Promise<'commit'> {
    if ((await this.#setUp(client)) === 0) {
      throw new PreparedTransactionError(gid, "cannot be prepared: the server's max_prepared_transactions is 0");
    }
    for (;;) {
      await client.query('BEGIN'); //                                                          step 1
      const reserved = await reserve(client, gid);
      if (reserved === 'taken') break;
      await client.query('ROLLBACK');
      if (reserved === 'marked') throw new PreparedTransactionError(gid, 'is decided already');
      if (await isPrepared(client, gid)) return 'commit'; //                                   step 2
      await this.#driveOut(client, gid, transaction);
    }
    await this.#options.work(client, transaction); //                                          step 3
    transaction.signal.throwIfAborted();
    const { command } = await client.query(`PREPARE TRANSACTION ${client.escapeLiteral(gid)}`);
    if (command !== 'PREPARE') {
      throw new PreparedTransactionError(gid, 'was not prepared: a statement had failed, or `work` has ended it');
    }
    return 'commit';
  }

  async #driveOut(client: C, gid: string, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    // A process that was itself replaced must not end its successor.
    signal.throwIfAborted();
    await driveOut(client, gid);
    await sleep(MOMENT_MS, signal);
  }

  /** @returns the number of transactions that can be prepared at once; `null` if the setup was done before */
  async #setUp(client: C): Promise<number | null> {
    if (this.#isSetUp) return null;
    const most = await setUp(client);
    this.#isSetUp = most > 0;
    return most;
  }

  #gidOf(transaction: ParticipantTransaction<T>): string {
    return checkGlobalId((this.#options.gid ?? globalIdOf)(transaction));
  }

  #with<R>({ signal }: { readonly signal: AbortSignal }, work: (client: C) => Promise<R>): Promise<R> {
    return withClient(this.#options.pool, signal, work);
  }
}

/** @returns whether the prepared transaction existed */
async function finish(client: PostgresClient, what: 'COMMIT' | 'ROLLBACK', gid: string): Promise<boolean> {
  try {
    await client.query(`${what} PREPARED ${client.escapeLiteral(gid)}`);
    return true;
  } catch (error) {
    if (codeOf(error) === UNDEFINED_OBJECT) return false;
    throw error;
  }
}
