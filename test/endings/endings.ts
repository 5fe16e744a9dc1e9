import type { Keeper } from '@zk-recipes/core';
import { LeaderLatch, LeaderSelector } from '@zk-recipes/leader-election';
import { MultiLock, Mutex, ReadWriteLock, Semaphore } from '@zk-recipes/locks';
import { untilAborted } from '../stage/holds.js';

/** The limit that an ending has by default, and the one of those that are given a limit, in milliseconds. */
const DEFAULT_LIMIT_MS = 2_000;
const SHORT_LIMIT_MS = 300;

/** Something of a keeper that is to be ended. */
export interface Ending {
  readonly name: string;
  /** How long it may wait for a silent server, in milliseconds. */
  readonly limitMs: number;
  /** Whether it rejects with a `HoldLostError` if the session ended first, as a `run` does. */
  readonly tellsLoss: boolean;
  /** Directories in which nothing may be left. */
  readonly directories: readonly string[];
  end(): Promise<unknown>;
}

/** What a recipe has that is ended: a hold, or a participant of an election. */
interface Endable extends AsyncDisposable {
  /** `release` of a hold, `close` of all others. */
  end(options?: { readonly timeoutMs: number }): Promise<void>;
  readonly directories: readonly string[];
}

/** Makes something below a path. @param rival another process */
type Make = (keeper: Keeper, path: string, rival: Keeper) => Promise<Endable>;

interface ReleasableHold extends AsyncDisposable {
  release(options?: { readonly timeoutMs: number }): Promise<void>;
}

function holding(hold: ReleasableHold, directories: readonly string[]): Endable {
  return {
    directories,
    end: (options) => hold.release(options),
    [Symbol.asyncDispose]: () => hold[Symbol.asyncDispose](),
  };
}

interface Closable extends AsyncDisposable {
  close(options?: { readonly timeoutMs: number }): Promise<void>;
}

function closable(one: Closable, directories: readonly string[]): Endable {
  return {
    directories,
    end: (options) => one.close(options),
    [Symbol.asyncDispose]: () => one[Symbol.asyncDispose](),
  };
}

/** The candidate of another process that leads, so that every later one waits. */
async function rivalLeads(rival: Keeper, path: string, marker: 'latch-' | 'lock-'): Promise<void> {
  const place = rival.create().creatingParents().withMode('EPHEMERAL_SEQUENTIAL');
  await place.forPath(`${path}/${marker}`, 'rival');
}

/** What is ended. An ending of another recipe is added here, and then is in every test of this folder. */
const makers: Readonly<Record<string, Make>> = {
  Mutex: async (keeper, path) => holding(await new Mutex(keeper, path).acquire(), [path]),
  'ReadWriteLock.read': async (keeper, path) => holding(await new ReadWriteLock(keeper, path).read.acquire(), [path]),
  'ReadWriteLock.write': async (keeper, path) => holding(await new ReadWriteLock(keeper, path).write.acquire(), [path]),
  'Semaphore, 3 permits': async (keeper, path) => {
    const semaphore = new Semaphore(keeper, path, { maxLeases: 3 });
    return holding(await semaphore.acquire({ permits: 3 }), [`${path}/leases`, `${path}/locks`]);
  },
  MultiLock: async (keeper, path) => {
    const directories = [`${path}/one`, `${path}/two`];
    const locks = directories.map((directory) => new Mutex(keeper, directory));
    return holding(await new MultiLock(keeper, locks).acquire(), directories);
  },
  'LeaderLatch that leads': async (keeper, path) => {
    const latch = new LeaderLatch(keeper, path);
    await latch.start();
    await latch.awaitLeadership();
    return closable(latch, [path]);
  },
  'LeaderLatch that waits': async (keeper, path, rival) => {
    await rivalLeads(rival, path, 'latch-');
    const latch = new LeaderLatch(keeper, path);
    await latch.start();
    return closable(latch, [path]);
  },
  'LeaderSelector whose function runs': async (keeper, path) => {
    let begun = (): void => {};
    const running = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const selector = new LeaderSelector(keeper, path, async ({ signal }) => {
      begun();
      await untilAborted(signal);
    });
    selector.start();
    await running;
    return closable(selector, [path]);
  },
  'LeaderSelector that waits': async (keeper, path, rival) => {
    await rivalLeads(rival, path, 'lock-');
    const selector = new LeaderSelector(keeper, path, () => {});
    selector.start();
    while ((await selector.participants()).length < 2);
    return closable(selector, [path]);
  },
};

/** Each thing three times: ended by default, with a limit, and by dispose. */
async function makeAll(keeper: Keeper, root: string, rival: Keeper): Promise<Ending[]> {
  const make = async ([name, make]: [string, Make], index: number): Promise<Ending[]> => {
    const path = (manner: string): string => `${root}/${index}-${manner}`;
    const [plain, limited, disposed] = await Promise.all([
      make(keeper, path('plain'), rival),
      make(keeper, path('limited'), rival),
      make(keeper, path('disposed'), rival),
    ]);
    const common = { tellsLoss: false, limitMs: DEFAULT_LIMIT_MS };
    return [
      { ...common, name, directories: plain.directories, end: () => plain.end() },
      {
        ...common,
        name: `${name}, limited`,
        limitMs: SHORT_LIMIT_MS,
        directories: limited.directories,
        end: () => limited.end({ timeoutMs: SHORT_LIMIT_MS }),
      },
      {
        ...common,
        name: `${name}, disposed of`,
        directories: disposed.directories,
        end: async () => await disposed[Symbol.asyncDispose](),
      },
    ];
  };
  return (await Promise.all(Object.entries(makers).map(make))).flat();
}

type Run = (fn: () => Promise<string>) => Promise<string>;

/** Each `run` of a lock: its ending is what comes after its function. */
async function runAll(keeper: Keeper, root: string): Promise<Ending[]> {
  const path = (name: string): string => `${root}/run-${name}`;
  const mutex = new Mutex(keeper, path('mutex'));
  const { read } = new ReadWriteLock(keeper, path('read'));
  const { write } = new ReadWriteLock(keeper, path('write'));
  const semaphore = new Semaphore(keeper, path('semaphore'), { maxLeases: 2 });
  const members = [new Mutex(keeper, path('one')), new Mutex(keeper, path('two'))];
  const multi = new MultiLock(keeper, members);
  return await Promise.all([
    runEnding('Mutex.run', [mutex.path], (fn) => mutex.run(fn)),
    runEnding('ReadWriteLock.read.run', [read.path], (fn) => read.run(fn)),
    runEnding('ReadWriteLock.write.run', [write.path], (fn) => write.run(fn)),
    runEnding('Semaphore.run', [`${semaphore.path}/leases`, `${semaphore.path}/locks`], (fn) =>
      semaphore.run(fn, { permits: 2 }),
    ),
    runEnding(
      'MultiLock.run',
      members.map((member) => member.path),
      (fn) => multi.run(fn),
    ),
  ]);
}

async function runEnding(name: string, directories: readonly string[], run: Run): Promise<Ending> {
  let [begin, finish] = [(): void => {}, (_: string): void => {}];
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const finished = new Promise<string>((resolve) => {
    finish = resolve;
  });
  const result = run(async () => {
    begin();
    return await finished;
  });
  await begun;
  const end = (): Promise<string> => {
    finish(name);
    return result;
  };
  return { name, limitMs: DEFAULT_LIMIT_MS, tellsLoss: true, directories, end };
}

/**
 * Makes all that a keeper can end, in every manner, below a path of its own.
 *
 * @param rival another process, which leads the elections in which the keeper waits
 */
export async function everyEnding(keeper: Keeper, root: string, rival: Keeper): Promise<Ending[]> {
  return (await Promise.all([makeAll(keeper, root, rival), runAll(keeper, root)])).flat();
}
