import { type Contender, type Keeper, MultiError, NotHeldError, type Stat } from '@zk-recipes/core';
import { checkOptions, checkPlace, childOf, identityOf, memberOf, sequenceKey } from '@zk-recipes/core/recipe-kit';
import { listContenders } from './contenders.js';
import { EnteredHold, type Entrances } from './entrances.js';
import { ReentrantAcquireError } from './errors.js';
import { READ, readRule, WRITE, writeRule } from './line-rules.js';
import { Lock, type LockKind } from './lock.js';
import { LineHold, type LockHold, type WriteHold } from './lock-hold.js';
import { type CallOptions, type LockOptions, schemas } from './options.js';

/*
 * Guarantee
 *   On one path, Curator's locks included, either one writer holds the lock with a valid clock, or any number of readers. The exception is
 *   that of the mutex: a client deletes a holder's znode.
 *   Contenders are granted the lock in the order of their arrival: a reader waits only for the writers ahead of it, so neither side
 *   starves. A writer becomes a reader in one step. Otherwise as the mutex.
 * Not guaranteed
 *   As for the mutex: that the code of a paused holder stops, and that a holder whose znode was deleted, by hand or by
 *   `revoke({ forceAfterMs })`, learns of the deletion before the next contender. That Curator's own downgrade is safe before its version
 *   5.5 (CURATOR-621).
 * Znodes
 *   <path>/_c_<uuid>-__READ__<number> and <path>/_c_<uuid>-__WRIT__<number>, ephemeral sequential. A reader that was a writer: the same
 *   name for reading, with the number that the writer had, ephemeral. Curator's InterProcessReadWriteLock has the same, from 5.5 on.
 * Protocol
 *   The protocol of lock.ts. The blockers of a writer are all znodes ahead; those of a reader are the writers ahead. A writer watches the
 *   znode directly ahead, a reader the nearest writer ahead. A writer always lists the line again: the writer that left may have become
 *   a reader.
 *   6. Downgrade: in one transaction check the own znode, create one for reading with the same number, and delete the own one.
 * Failures
 *   the failures of the mutex, and:
 *   reply to the downgrade lost   the znode for reading is found by its uuid: done; else the transaction is repeated
 *   writer asks while it reads    refused: it would wait for itself
 */

/**
 * Read/write lock: many contenders hold it for reading, or one contender holds it for writing.
 *
 * @see https://zookeeper.apache.org/doc/current/recipes.html, "Shared Locks"
 */
export class ReadWriteLock {
  /** Path of the lock. */
  readonly path: string;
  /** Lock for reading. */
  readonly read: Lock;
  /** Lock for writing. */
  readonly write: Lock<WriteHold>;
  readonly #keeper: Keeper;

  /** @throws {TypeError} when an argument is wrong; the message names the argument */
  constructor(keeper: Keeper, path: string, options: LockOptions = {}) {
    const unlimited = checkPlace(keeper, path);
    checkOptions('ReadWriteLock', schemas.lock, options);
    this.path = path;
    this.#keeper = unlimited;
    const { data } = identityOf(options);
    const reading: LockKind<LockHold> = {
      name: 'ReadWriteLock.read',
      rule: readRule,
      enter: (entrances) => new EnteredHold(entrances),
    };
    const writing: LockKind<WriteHold> = {
      name: 'ReadWriteLock.write',
      rule: writeRule,
      enter: (entrances) => new EnteredWriteHold(entrances, data),
    };
    this.read = new Lock(unlimited, path, reading, options);
    this.write = new Lock(unlimited, path, writing, options);
  }

  /** Lists all holders and waiters, for reading or writing, in the order of the line. */
  async contenders(options: CallOptions = {}): Promise<Contender[]> {
    checkOptions('contenders of ReadWriteLock', schemas.call, options);
    const isMeant = (name: string): boolean => name.includes(READ) || name.includes(WRITE);
    return await listContenders(this.#keeper.limited, this.path, writeRule, isMeant, options.signal);
  }
}

class EnteredWriteHold extends EnteredHold implements WriteHold {
  readonly #data: Uint8Array | null;

  constructor(entrances: Entrances, data: Uint8Array | null) {
    super(entrances);
    this.#data = data;
  }

  async downgrade(): Promise<LockHold> {
    if (this.state !== 'held') throw new NotHeldError(this.path, { cause: this.signal.reason });
    if (this.entrances.inside > 1) {
      throw new ReentrantAcquireError(this.path, 'it was entered again inside, for writing, and is not left yet');
    }
    await this.entrances.change(READ, (writing) => turnIntoReading(writing, this.#data));
    // The reader enters before the writer leaves, so that the lock stays held.
    const reading = new EnteredHold(this.entrances);
    await this.release();
    return reading;
  }
}

/** Replaces a writer's place by a reader's place: step 6. */
async function turnIntoReading(writing: LineHold, data: Uint8Array | null): Promise<LineHold> {
  const { keeper, directory, name, path } = writing.member;
  const readingPath = childOf(directory, READ + sequenceKey(name, WRITE));
  const mode = { mode: 'EPHEMERAL', protection: true } as const;
  const transaction = writing.guard().create(readingPath, data, mode).delete(path);
  try {
    return await writing.handOver(async () => {
      const results = await transaction.commit();
      const created = results[1] as { readonly path: string; readonly stat: Stat };
      // The hold keeps the writer's token. The token of a waiting writer is smaller than this znode's czxid, and must be larger than this
      // hold's token later.
      const stat = { ...created.stat, czxid: writing.fencingToken };
      return new LineHold(memberOf(keeper, { path: created.path, stat }), writing.options);
    });
  } catch (error) {
    const isRefused = error instanceof MultiError && error.failedIndex === 0;
    throw isRefused || writing.state !== 'held' ? new NotHeldError(path, { cause: error }) : error;
  }
}
