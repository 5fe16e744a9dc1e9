import type { Keeper } from '@zk-recipes/core';
import { childOf, inSequence, jsonSafe, namesIn, orNull } from '@zk-recipes/core/recipe-kit';

/** A candidate of an election, of whatever language. */
export interface Participant {
  /** As the candidate gave it. */
  readonly id: string;
  /** Whether it stands first. That it knows of it, and still lives, nobody can tell from outside. */
  readonly isLeader: boolean;
  /** Session that its znode belongs to. */
  readonly sessionId: bigint;
  /** Its znode. */
  readonly path: string;
}

/** All candidates, the leader first. Those who leave while the list is read are left out. */
export async function listParticipants(
  keeper: Keeper,
  directory: string,
  marker: string,
  signal: AbortSignal | undefined,
): Promise<Participant[]> {
  const paths = await listPaths(keeper, directory, marker, signal);
  const found = await Promise.all(paths.map((path) => readParticipant(keeper, path, signal)));
  return found
    .filter((participant) => participant !== null)
    .map((participant, index) => jsonSafe({ ...participant, isLeader: index === 0 }));
}

/** The candidate that stands first, `null` when there is none. */
export async function findLeader(
  keeper: Keeper,
  directory: string,
  marker: string,
  signal: AbortSignal | undefined,
): Promise<Participant | null> {
  for (const path of await listPaths(keeper, directory, marker, signal)) {
    const participant = await readParticipant(keeper, path, signal);
    if (participant !== null) return jsonSafe({ ...participant, isLeader: true });
  }
  return null;
}

async function listPaths(
  keeper: Keeper,
  directory: string,
  marker: string,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  // Nobody has ever stood, or the server has removed the empty container: no names.
  const names = await namesIn(keeper, directory, { signal });
  return inSequence(names, marker).map((name) => childOf(directory, name));
}

async function readParticipant(
  keeper: Keeper,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Omit<Participant, 'isLeader'> | null> {
  const read = await orNull(keeper.getData().withStat().forPath(path, { signal }));
  return read && { id: read.data?.toString('utf8') ?? '', sessionId: read.stat.ephemeralOwner, path };
}
