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

/** A transaction as its znode holds it. */
export interface StoredTransaction extends Header {
  readonly id: string;
  readonly payload: Buffer;
  /** When it was begun, by the server's clock. */
  readonly beganAtMs: number;
}

/** A decision, or that there is none yet. */
export interface DecisionView {
  readonly decision: Decision | null;
  /** When it was decided, or begun if it is not, by the server's clock. */
  readonly atMs: number;
}

/** Why the server has not done a transaction. */
export interface Refusal {
  /** The operation that is to blame. */
  readonly write: Write;
  readonly error: KeeperError;
}

/** Votes of a transaction. */
export interface VotesView {
  readonly votes: ReadonlyMap<string, Vote>;
  /** Why the others that are there cannot be read. */
  readonly unreadable: ReadonlyMap<string, MalformedRecordError>;
}

interface Call {
  readonly signal?: AbortSignal | undefined;
}

interface WatchingCall extends Call {
  readonly watch?: ((event: WatchedEvent) => void) | undefined;
}

/** The znodes of a two-phase commit, as the protocol reads and writes them. */
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
   * Has the server do all of it, or nothing. What is lost is sent again: each of these transactions creates, deletes or versions something
   * of its own, so that one that was done is refused the next time, and the caller looks.
   *
   * @param creatingParents only for what begins: what belongs to a transaction that was removed must not bring its znode back
   * @returns `null` if it was done just now
   * @throws what the keeper throws when its retries are used up; the signal's reason
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
   * Ids of all transactions that are there. Where they are too many for one list, of all that are not finished, by the inboxes of the
   * participants; a background error tells.
   *
   * @throws DirectoryTooLargeError if an inbox has too many as well
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

  /** Names of all who have ever taken part. */
  participants(call: Call = {}): Promise<string[]> {
    return namesIn(this.keeper, this.layout.participants, call);
  }

  /** How many transactions a participant has not finished. */
  unfinished(participant: string, call: Call = {}): Promise<number> {
    return this.#countIn(this.layout.inbox(participant), call);
  }

  /** Counts without listing anything, however many there are. */
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

  /** @returns `null` if there is none @throws MalformedRecordError */
  async readTransaction(id: string, call: WatchingCall = {}): Promise<StoredTransaction | null> {
    const path = this.layout.transaction(id);
    const found = await this.#read(path, call);
    if (found === null) return null;
    const { header, payload } = decodeTransaction(path, found.data);
    return { id, ...header, payload, beganAtMs: Number(found.stat.ctime) };
  }

  /** @returns `null` if there is no such transaction @throws MalformedRecordError */
  async readDecision(id: string, call: WatchingCall = {}): Promise<DecisionView | null> {
    const path = this.layout.decision(id);
    const found = await this.#read(path, call);
    if (found === null) return null;
    const { data, stat } = found;
    const decision = stat.version === UNDECIDED ? null : decodeDecision(path, data);
    return { decision, atMs: Number(stat.mtime) };
  }

  /** @returns `null` if it has not voted, or there is no such transaction @throws MalformedRecordError */
  async readVote(id: string, participant: string, call: Call = {}): Promise<Vote | null> {
    const path = this.layout.vote(id, participant);
    const found = await this.#read(path, call);
    return found === null ? null : decodeVote(path, found.data);
  }

  /** Reads the votes that are there, of these participants. */
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

  /** Who has voted. */
  voters(id: string, call: Call = {}): Promise<string[]> {
    return namesIn(this.keeper, this.layout.votes(id), call);
  }

  /** Who has finished. */
  finished(id: string, call: Call = {}): Promise<string[]> {
    return namesIn(this.keeper, this.layout.acknowledgements(id), call);
  }

  /** Decides, unless it is decided already. @returns what is decided; `null` if there is no such transaction any more */
  async decide(
    { id, participants }: Pick<StoredTransaction, 'id' | 'participants'>,
    decision: Decision,
    call: Call = {},
  ): Promise<Decision | null> {
    const writes = this.protocol.decide(this.layout, id, participants, decision);
    const refusal = await this.perform(writes, call);
    if (refusal === null) return decision;
    const found = await this.readDecision(id, call);
    // A vote that was seen can only be missing with the whole transaction, or by somebody's hand.
    if (found !== null && found.decision === null) throw refusal.error;
    return found?.decision ?? null;
  }

  /** Removes a transaction that is decided and finished. Nothing happens if it is not, or gone. */
  async remove({ id, participants }: Pick<StoredTransaction, 'id' | 'participants'>, call: Call = {}): Promise<void> {
    // Since it is decided nobody votes any more.
    const voters = await this.voters(id, call);
    await this.perform(this.protocol.remove(this.layout, id, participants, voters), call);
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof NodeExistsError || error instanceof NoNodeError || error instanceof BadVersionError;
}
