import { NoNodeError } from 'zookeeper-ts-client';
import type { CallOptions } from '../execution/execution.js';
import type { Keeper } from '../keeper.js';

/** Names of the children of a znode; none if there is no such znode. */
export async function namesIn(keeper: Keeper, directory: string, options: CallOptions = {}): Promise<string[]> {
  return (await orNull(keeper.getChildren().forPath(directory, options))) ?? [];
}

/** What is read, or `null` if there is no such znode. */
export async function orNull<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof NoNodeError) return null;
    throw error;
  }
}
