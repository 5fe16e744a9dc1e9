import { type Keeper, NodeExistsError, NoNodeError, type WatchedEvent } from '@zk-recipes/core';
import { InvalidLeaseLimitError } from './errors.js';
import type { CallOptions } from './options.js';

/**
 * Number of leases that all users of a semaphore read from one znode, and that may change.
 *
 * @see org.apache.curator.framework.recipes.shared.SharedCount
 */
export interface SharedLeaseLimit {
  /** Znode of the count: 4 bytes, big-endian, not negative. */
  readonly path: string;
  /** Count with which a missing znode is created. Default: none, and acquiring fails. */
  readonly seed?: number | undefined;
}

/** Number of leases: a number that must be the same for all users, or a shared count. */
export type LeaseLimit = number | SharedLeaseLimit;

/**
 * Reads the number of leases.
 *
 * @param onChange called once, when the count has changed
 * @throws {InvalidLeaseLimitError} when the count is missing or not a valid number
 */
export async function readLimit(
  keeper: Keeper,
  limit: LeaseLimit,
  onChange: ((event: WatchedEvent) => void) | undefined,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (typeof limit === 'number') return limit;
  const { path, seed } = limit;
  for (;;) {
    try {
      const reading = keeper.getData();
      const watched = onChange === undefined ? reading : reading.watching(onChange);
      return decodeCount(path, await watched.forPath(path, { signal }));
    } catch (error) {
      if (!(error instanceof NoNodeError)) throw error;
      if (seed === undefined) throw new InvalidLeaseLimitError(path, 'no such znode', { cause: error });
      await sow(keeper, path, seed, signal);
    }
  }
}

async function sow(keeper: Keeper, path: string, seed: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await keeper.create().creatingParents().idempotent().forPath(path, encodeCount(seed), { signal });
  } catch (error) {
    // Another client has created the count, with any number.
    if (!(error instanceof NodeExistsError)) throw error;
  }
}

/** Sets a shared count, and creates its znode if it is missing. */
export async function writeLimit(
  keeper: Keeper,
  { path }: SharedLeaseLimit,
  count: number,
  options: CallOptions,
): Promise<void> {
  await keeper.create().creatingParents().orSetData().forPath(path, encodeCount(count), options);
}

function encodeCount(count: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(count);
  return bytes;
}

function decodeCount(path: string, data: Buffer | null): number {
  if (data?.length !== 4) throw new InvalidLeaseLimitError(path, `${data?.length ?? 'no'} bytes`);
  const count = data.readInt32BE();
  if (count < 0) throw new InvalidLeaseLimitError(path, String(count));
  return count;
}
