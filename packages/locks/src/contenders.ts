import type { Contender, Keeper } from '@zk-recipes/core';
import { childOf, jsonSafe, namesIn, orNull, textOf } from '@zk-recipes/core/recipe-kit';
import type { LineRule } from './line-rules.js';
import { REVOKE } from './lock-hold.js';

/** Lists the contenders in the line of a lock, the first one first. Leaves out contenders that leave during the read. */
export async function listContenders(
  keeper: Keeper,
  directory: string,
  rule: LineRule,
  isMeant: (name: string) => boolean,
  signal: AbortSignal | undefined,
): Promise<Contender[]> {
  const ordered = rule.inOrder(await namesIn(keeper, directory, { signal }));
  const holders = rule.holdersOf(ordered);
  const found = ordered.map(async (name, position) => {
    if (!isMeant(name)) return null;
    const state = position < holders ? 'holding' : 'waiting';
    return await readContender(keeper, childOf(directory, name), { state, position }, signal);
  });
  return (await Promise.all(found)).filter((contender) => contender !== null);
}

/** Reads the contender of a znode in a line; returns `null` if the znode is gone. */
export async function readContender(
  keeper: Keeper,
  path: string,
  place: Pick<Contender, 'state' | 'position'>,
  signal: AbortSignal | undefined,
): Promise<Contender | null> {
  const read = await orNull(keeper.getData().withStat().forPath(path, { signal }));
  if (read === null) return null;
  const { data, stat } = read;
  const sinceMs = Number(stat.ctime);
  const since = new Date(sinceMs);
  return jsonSafe({ path, id: idOf(data), sessionId: stat.ephemeralOwner, since, sinceMs, ...place });
}

function idOf(data: Uint8Array | null): string | null {
  return data !== null && REVOKE.equals(data) ? null : textOf(data);
}
