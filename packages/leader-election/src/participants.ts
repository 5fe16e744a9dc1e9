import type { Keeper } from '@zk-recipes/core';
import { childOf, inSequence, jsonSafe, namesIn, orNull } from '@zk-recipes/core/recipe-kit';

/** Candidate of an election, of any language. */
export interface Participant {
  /** Id that the candidate gave itself. */
  readonly id: string;
  /** Whether the candidate is first in the line. An observer cannot tell whether the candidate knows this, or is still alive. */
  readonly isLeader: boolean;
  /** Session that owns its znode. */
  readonly sessionId: bigint;
  /** Path of its znode. */
  readonly path: string;
}

/** Lists all candidates, the leader first. Leaves out candidates that leave during the read. */
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

/** Returns the first candidate in the line; `null` if there is none. */
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
  // The directory is missing if there never was a candidate, or if the server has removed the empty container: no names then.
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
