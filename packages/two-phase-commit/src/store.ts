import {
  BadVersionError,
  DirectoryTooLargeError,
  type Keeper,
  type KeeperError,
  MultiError,
  NodeExistsError,
  NoNodeError,
  type WatchedEvent,
  type ZnodeContent,
} from '@zk-recipes/core';
import { isPassing, isUnknown, namesIn, orNull } from '@zk-recipes/core/recipe-kit';
import type { Counts } from './coordinator-options.js';
import { MalformedRecordError } from './errors.js';
import { Layout } from './layout.js';
import { type Protocol, protocol, UNDECIDED, type Write } from './protocol.js';
import { type Decision, decodeDecision, decodeTransaction, decodeVote, type Header, type Vote } from './records.js';

/** Transaction as its znode contains it. */
export interface StoredTransaction extends Header {
  readonly id: string;
  readonly payload: Buffer;
  /** Begin of the transaction, by the server's clock, in milliseconds since 1970. */
  readonly beganAtMs: number;
}

/** Decision of a transaction, or `null` before it. */
export interface DecisionView {
  readonly decision: Decision | null;
  /** Time of the decision, or of the begin if there is none, by the server's clock, in milliseconds since 1970. */
  readonly atMs: number;
}

/** Reason why the server refused a transaction. */
export interface Refusal {
  /** Operation that failed. */
  readonly write: Write;
  readonly error: KeeperError;
}

/** Votes of a transaction. */
export interface VotesView {
  readonly votes: ReadonlyMap<string, Vote>;
  /** Reasons why the other existing votes cannot be read. */
  readonly unreadable: ReadonlyMap<string, MalformedRecordError>;
}

interface Call {
  readonly signal?: AbortSignal | undefined;
}

interface WatchingCall extends Call {
  readonly watch?: ((event: WatchedEvent) => void) | undefined;
}

/** Znodes of a two-phase commit, as the protocol reads and writes them. */
export class Store {
  readonly keeper: Keeper;
  readonly layout: Layout;
  readonly path: string;
  readonly protocol: Protocol = protocol;

  constructor(keeper: Keeper, path: string) {
    this.keeper = keeper;
    this.path = path;
    this.layout = new Layout(path);
  }

  /**
   * Executes all writes or none. A lost request is sent again. Each of these transactions creates, deletes or versions a znode of its own.
   * So the server refuses a transaction that it has already executed, and the caller reads the outcome.
   *
   * @param creatingParents only for the writes that begin a transaction: later writes must not recreate the znode of a removed transaction
   * @returns `null` if this call executed the writes
   * @throws the keeper's error when its retries are used up; the signal's reason
   */
  async perform(
    writes: readonly Write[],
    { signal, creatingParents = false }: Call & { readonly creatingParents?: boolean } = {},
  ): Promise<Refusal | null> {
    const transaction = this.#transaction(writes);
    for (;;) {
      try {
        await (creatingParents ? transaction.creatingParents() : transaction).commit({ signal });
        return null;
      } catch (error) {
        if (isUnknown(error) && isPassing(error) && !this.keeper.closed) continue;
        const write = error instanceof MultiError ? writes[error.failedIndex] : undefined;
        if (write === undefined || !isRefusal((error as Error).cause)) throw error;
        return { write, error: (error as Error).cause as KeeperError };
      }
    }
  }

  #transaction(writes: readonly Write[]) {
    return writes.reduce((transaction, write) => {
      if (write.do === 'check') return transaction.check(write.path, write.version);
      if (write.do === 'delete') return transaction.delete(write.path);
      const data = Buffer.from(write.data);
      if (write.do === 'create') return transaction.create(write.path, data);
      return transaction.setData(write.path, data, { version: write.version });
    }, this.keeper.transaction());
  }

  /**
   * Returns the ids of all transactions. If one list cannot hold them, returns the ids of all unfinished transactions, from the inboxes of
   * the participants, and reports a background error.
   *
   * @throws DirectoryTooLargeError if an inbox is too large as well
   */
  async ids(call: Call = {}): Promise<string[]> {
    try {
      return await namesIn(this.keeper, this.layout.transactions, call);
    } catch (error) {
      if (!(error instanceof DirectoryTooLargeError)) throw error;
      const lists = (await this.participants(call)).map((name) => namesIn(this.keeper, this.layout.inbox(name), call));
      const ids = new Set((await Promise.all(lists)).flat());
      this.keeper.reportBackgroundError(
        error,
        'list of transactions: of unfinished ones only',
        this.layout.transactions,
      );
      return [...ids];
    }
  }

  /** Returns the names of all participants that have ever taken part. */
  participants(call: Call = {}): Promise<string[]> {
    return namesIn(this.keeper, this.layout.participants, call);
  }

  /** Returns the number of transactions that a participant has not finished. */
  unfinished(participant: string, call: Call = {}): Promise<number> {
    return this.#countIn(this.layout.inbox(participant), call);
  }

  /** Counts without listing transactions, however many exist. */
  async counts(call: Call = {}): Promise<Counts> {
    const [transactions, auditRecords, names] = await Promise.all([
      this.#countIn(this.layout.transactions, call),
      this.#countIn(this.layout.audit, call),
      this.participants(call),
    ]);
    const unfinished = await Promise.all(names.map(async (name) => [name, await this.unfinished(name, call)] as const));
    return { transactions, unfinished: Object.fromEntries(unfinished), auditRecords };
  }

  async #countIn(path: string, { signal }: Call): Promise<number> {
    return (await this.keeper.exists().forPath(path, { signal }))?.numChildren ?? 0;
  }

  /** @returns `null` if the transaction does not exist @throws MalformedRecordError */
  async readTransaction(id: string, call: WatchingCall = {}): Promise<StoredTransaction | null> {
    const path = this.layout.transaction(id);
    const found = await this.#read(path, call);
    if (found === null) return null;
    const { header, payload } = decodeTransaction(path, found.data);
    return { id, ...header, payload, beganAtMs: Number(found.stat.ctime) };
  }

  /** @returns `null` if the transaction does not exist @throws MalformedRecordError */
  async readDecision(id: string, call: WatchingCall = {}): Promise<DecisionView | null> {
    const path = this.layout.decision(id);
    const found = await this.#read(path, call);
    if (found === null) return null;
    const { data, stat } = found;
    const decision = stat.version === UNDECIDED ? null : decodeDecision(path, data);
    return { decision, atMs: Number(stat.mtime) };
  }

  /** @returns `null` if the participant has not voted, or the transaction does not exist @throws MalformedRecordError */
  async readVote(id: string, participant: string, call: Call = {}): Promise<Vote | null> {
    const path = this.layout.vote(id, participant);
    const found = await this.#read(path, call);
    return found === null ? null : decodeVote(path, found.data);
  }

  /** Reads the existing votes of these participants. */
  async readVotes(id: string, names: readonly string[], call: Call = {}): Promise<VotesView> {
    const votes = new Map<string, Vote>();
    const unreadable = new Map<string, MalformedRecordError>();
    const read = async (name: string): Promise<void> => {
      try {
        const vote = await this.readVote(id, name, call);
        if (vote !== null) votes.set(name, vote);
      } catch (error) {
        if (!(error instanceof MalformedRecordError)) throw error;
        unreadable.set(name, error);
      }
    };
    await Promise.all(names.map(read));
    return { votes, unreadable };
  }

  async #read(path: string, { signal, watch }: WatchingCall): Promise<ZnodeContent | null> {
    const reading = this.keeper.getData().withStat();
    return await orNull((watch ? reading.watching(watch) : reading).forPath(path, { signal }));
  }

  /** Returns the names of the participants that have voted. */
  voters(id: string, call: Call = {}): Promise<string[]> {
    return namesIn(this.keeper, this.layout.votes(id), call);
  }

  /** Returns the names of the participants that have finished. */
  finished(id: string, call: Call = {}): Promise<string[]> {
    return namesIn(this.keeper, this.layout.acknowledgements(id), call);
  }

  /** Decides, unless the transaction is decided already. @returns the decision; `null` if the transaction no longer exists */
  async decide(
    { id, participants }: Pick<StoredTransaction, 'id' | 'participants'>,
    decision: Decision,
    call: Call = {},
  ): Promise<Decision | null> {
    const writes = this.protocol.decide(this.layout, id, participants, decision);
    const refusal = await this.perform(writes, call);
    if (refusal === null) return decision;
    const found = await this.readDecision(id, call);
    // A vote that was read is missing only if the whole transaction is gone, or an operator has removed the vote.
    if (found !== null && found.decision === null) throw refusal.error;
    return found?.decision ?? null;
  }

  /** Removes a transaction that is decided and finished. Does nothing if it is not, or no longer exists. */
  async remove({ id, participants }: Pick<StoredTransaction, 'id' | 'participants'>, call: Call = {}): Promise<void> {
    // After the decision no participant votes, so this list is complete.
    const voters = await this.voters(id, call);
    await this.perform(this.protocol.remove(this.layout, id, participants, voters), call);
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof NodeExistsError || error instanceof NoNodeError || error instanceof BadVersionError;
}
