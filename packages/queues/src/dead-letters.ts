import type { Keeper } from '@zk-recipes/core';
import { childOf, namesIn, orNull } from '@zk-recipes/core/recipe-kit';
import { decodeRecord } from './attempt-record.js';
import { isItem, nameToRenew } from './item-name.js';
import type { Store } from './places.js';

/** An item that could not be worked off. */
export interface DeadLetter {
  /** Its znode. */
  readonly path: string;
  /** Why; `null` where nobody said. */
  readonly reason: string | null;
  /** How often it was handed out. */
  readonly attempts: number;
  /** What its znode held in the queue, and holds now, byte by byte. */
  readonly data: Buffer;
}

/** Reads all dead letters, in the order of their names. */
export async function readDeadLetters(
  keeper: Keeper,
  { items, records }: Store,
  signal: AbortSignal | undefined,
): Promise<DeadLetter[]> {
  const names = (await namesIn(keeper, items, { signal })).filter(isItem).sort();
  const letters = names.map(async (name): Promise<DeadLetter | null> => {
    const path = childOf(items, name);
    const [content, record] = await Promise.all([
      orNull(keeper.getData().withStat().forPath(path, { signal })),
      orNull(keeper.getData().forPath(childOf(records, name), { signal })),
    ]);
    if (content === null) return null;
    const { attempts, reason } = decodeRecord(record);
    return { path, reason, attempts, data: content.data ?? Buffer.alloc(0) };
  });
  return (await Promise.all(letters)).filter((letter) => letter !== null);
}

/** Name under which a dead letter is put into its queue again, before the server's number. */
export function revivedName({ path }: DeadLetter): string {
  return nameToRenew(path.slice(path.lastIndexOf('/') + 1));
}
