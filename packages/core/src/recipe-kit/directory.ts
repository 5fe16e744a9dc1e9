import { NoNodeError } from 'zookeeper-ts-client';
import type { CallOptions } from '../execution/execution.js';
import type { Keeper } from '../keeper.js';

/** Lists the names of the children of a znode; none if the znode does not exist. */
export async function namesIn(keeper: Keeper, directory: string, options: CallOptions = {}): Promise<string[]> {
  return (await orNull(keeper.getChildren().forPath(directory, options))) ?? [];
}

/** Returns the result of a read, or `null` if the znode does not exist. */
export async function orNull<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof NoNodeError) return null;
    throw error;
  }
}
