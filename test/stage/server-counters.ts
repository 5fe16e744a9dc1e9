import { fourLetterWord, until } from '@zk-recipes/test-support';

/** What a server counts by itself, from its `mntr`. Only on a server that nobody else uses do differences mean anything. */
export interface ServerCounters {
  /** Watches that are set now. */
  readonly watches: number;
  /** Notifications that deletions have sent out so far: one for each client and watch. */
  readonly deletionNotices: number;
  /** Notifications of any kind so far. */
  readonly notices: number;
  readonly packetsReceived: number;
}

/** Reads the counters of a server. */
export async function serverCounters(server: string): Promise<ServerCounters> {
  const answer = await fourLetterWord(server, 'mntr');
  const read = (name: string): number =>
    Number(new RegExp(`^zk_${name}\\s+(\\S+)$`, 'm').exec(answer)?.[1] ?? Number.NaN);
  const kinds = ['created', 'deleted', 'changed', 'children'];
  return {
    watches: read('watch_count'),
    deletionNotices: read('sum_node_deleted_watch_count'),
    notices: kinds.map((kind) => read(`sum_node_${kind}_watch_count`)).reduce((sum, count) => sum + count, 0),
    packetsReceived: read('packets_received'),
  };
}

/** Paths below a directory on which a server has watches now, of all sessions, from its `wchp`. */
export async function watchedPaths(server: string, directory: string): Promise<string[]> {
  const answer = await fourLetterWord(server, 'wchp');
  return answer.split('\n').filter((line) => line === directory || line.startsWith(`${directory}/`));
}

/** Resolves when a server has no watch on a path or below it. */
export async function untilUnwatched(server: string, directory: string): Promise<void> {
  await until(async () => ((await watchedPaths(server, directory)).length === 0 ? true : undefined), {
    what: `no watch to be left below ${directory}`,
    timeoutMs: 5_000,
  });
}

/** Resolves when a server has a watch on a path. */
export async function untilWatched(server: string, path: string): Promise<void> {
  await until(async () => ((await watchedPaths(server, path)).includes(path) ? true : undefined), {
    what: `a watch on ${path}`,
    timeoutMs: 5_000,
    everyMs: 5,
  });
}

/** Resolves when a server has so many watches in all. */
export async function untilWatchCount(server: string, count: number): Promise<void> {
  await until(async () => ((await serverCounters(server)).watches === count ? true : undefined), {
    what: `${count} watches`,
    timeoutMs: 15_000,
  });
}
