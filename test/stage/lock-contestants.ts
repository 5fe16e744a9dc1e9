import type { Hold, Keeper } from '@zk-recipes/core';
import {
  type LockOptions,
  MultiLock,
  Mutex,
  ReadWriteLock,
  type RunPatience,
  type RunResult,
  Semaphore,
} from '@zk-recipes/locks';
import { namesIn } from './lines.js';

/** All ways to take a lock. */
export const lockKinds = ['Mutex', 'rw.read', 'rw.write', 'Semaphore', 'MultiLock'] as const;
export type LockContestantKind = (typeof lockKinds)[number];

/** How a contestant's lock is made. */
export type LockContestantOptions = Pick<LockOptions, 'lossPolicy'>;

/** A lock taken in one way, as far as they are alike. */
export interface LockContestant {
  readonly keeper: Keeper;
  acquire(options?: { readonly signal?: AbortSignal }): Promise<Hold>;
  tryAcquire(options?: { readonly timeoutMs?: number; readonly signal?: AbortSignal }): Promise<Hold | null>;
  run<T, IfAvailable extends boolean = false>(
    fn: (hold: Hold) => Promise<T> | T,
    options?: RunPatience<IfAvailable> & { readonly signal?: AbortSignal },
  ): Promise<RunResult<T, IfAvailable>>;
}

/** Makes somebody who takes the lock of a path in one way: alone, but for readers; the multi-lock is one of two mutexes. */
export function lockContestant(
  kind: LockContestantKind,
  keeper: Keeper,
  path: string,
  options: LockContestantOptions = {},
): LockContestant {
  const lock = {
    Mutex: () => new Mutex(keeper, path, options),
    'rw.read': () => new ReadWriteLock(keeper, path, options).read,
    'rw.write': () => new ReadWriteLock(keeper, path, options).write,
    Semaphore: () => new Semaphore(keeper, path, { maxLeases: 1, ...options }),
    MultiLock: () =>
      new MultiLock(keeper, [new Mutex(keeper, `${path}/one`), new Mutex(keeper, `${path}/two`)], options),
  }[kind]();
  return {
    keeper,
    acquire: (how) => lock.acquire(how),
    tryAcquire: (how) => lock.tryAcquire(how),
    run: (fn, how) => lock.run(fn, how),
  };
}

/** Makes somebody who keeps contestants of a kind waiting: one of the same kind, for a reader a writer. */
export function lockRival(
  kind: LockContestantKind,
  keeper: Keeper,
  path: string,
  options: LockContestantOptions = {},
): LockContestant {
  return lockContestant(rivalOf(kind), keeper, path, options);
}

/** In which way those take a lock who keep contestants of a kind waiting. */
export function rivalOf(kind: LockContestantKind): LockContestantKind {
  return kind === 'rw.read' ? 'rw.write' : kind;
}

/** Directories of a kind in which znodes of those stand who hold the lock or wait for it. */
export function directoriesOf(kind: LockContestantKind, path: string): string[] {
  if (kind === 'Semaphore') return [`${path}/locks`, `${path}/leases`];
  return kind === 'MultiLock' ? [`${path}/one`, `${path}/two`] : [path];
}

/** Paths of all znodes of those who hold the lock or wait for it. */
export async function znodesOf(kind: LockContestantKind, keeper: Keeper, path: string): Promise<string[]> {
  const directories = directoriesOf(kind, path);
  const names = await Promise.all(directories.map((directory) => namesIn(keeper, directory)));
  return directories.flatMap((directory, index) => (names[index] ?? []).map((name) => `${directory}/${name}`));
}
