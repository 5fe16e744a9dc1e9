import { type Keeper, NoNodeError } from '@zk-recipes/core';
import { childOf, inSequence } from '@zk-recipes/core/recipe-kit';

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
    .map((participant, index) => ({ ...participant, isLeader: index === 0 }));
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
    if (participant !== null) return { ...participant, isLeader: true };
  }
  return null;
}

async function listPaths(
  keeper: Keeper,
  directory: string,
  marker: string,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  try {
    const names = await keeper.getChildren().forPath(directory, { signal });
    return inSequence(names, marker).map((name) => childOf(directory, name));
  } catch (error) {
    // Nobody has ever stood, or the server has removed the empty container.
    if (error instanceof NoNodeError) return [];
    throw error;
  }
}

async function readParticipant(
  keeper: Keeper,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Omit<Participant, 'isLeader'> | null> {
  try {
    const { data, stat } = await keeper.getData().withStat().forPath(path, { signal });
    return { id: data?.toString('utf8') ?? '', sessionId: stat.ephemeralOwner, path };
  } catch (error) {
    if (error instanceof NoNodeError) return null;
    throw error;
  }
}
