import type { Hold, Keeper } from '@zk-recipes/core';
import { type Lock, MultiLock, Mutex, ReadWriteLock, Semaphore } from '@zk-recipes/locks';
import fc from 'fast-check';
import type { Mode } from './history.js';

/** Below which everything is that is contended for. */
export const ROOT = '/model';
/** Where a shared number of leases is. */
const LIMIT_PATH = `${ROOT}/limit`;
/** Leases of the semaphore whose number never changes, and those that the other one has at first. */
export const FIXED_LEASES = 3;
export const FIRST_LEASES = 2;

const LOCKS = ['first', 'second', 'read', 'write'] as const;
/** A lock that multi-locks are made of, too. */
export type LockName = (typeof LOCKS)[number];

/** What a contender wants to have. */
export type Want =
  | { readonly kind: LockName }
  | { readonly kind: 'fixed' | 'limited'; readonly permits: number }
  | { readonly kind: 'multi'; readonly locks: readonly LockName[] };

/** A path that is contended for. */
export interface LinePath {
  readonly line: string;
  readonly mode: Mode;
}

const linePaths: Readonly<Record<LockName | 'fixed' | 'limited', LinePath>> = {
  first: { line: `${ROOT}/first`, mode: 'exclusive' },
  second: { line: `${ROOT}/second`, mode: 'exclusive' },
  read: { line: `${ROOT}/both`, mode: 'shared' },
  write: { line: `${ROOT}/both`, mode: 'exclusive' },
  fixed: { line: `${ROOT}/fixed`, mode: 'lease' },
  limited: { line: `${ROOT}/limited`, mode: 'lease' },
};

/** Paths that are contended for by somebody who wants this. */
export function linesOf(want: Want): LinePath[] {
  return want.kind === 'multi' ? want.locks.map((name) => linePaths[name]) : [linePaths[want.kind]];
}

/** Anything that can be had. */
export const wants: fc.Arbitrary<Want> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...LOCKS).map((kind): Want => ({ kind })) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('fixed' as const), permits: fc.integer({ min: 1, max: FIXED_LEASES }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('limited' as const), permits: fc.integer({ min: 1, max: 2 }) }),
  },
  {
    weight: 2,
    arbitrary: fc
      .uniqueArray(fc.constantFrom(...LOCKS), { minLength: 1, maxLength: 3, selector: (name) => linePaths[name].line })
      .map((locks): Want => ({ kind: 'multi', locks })),
  },
);

/** Any lock alone. */
export const lockNames: fc.Arbitrary<LockName> = fc.constantFrom(...LOCKS);

/** In what way it is asked for. */
export interface Manner {
  /** With how much patience, and whether it is held inside of `run`. */
  readonly how: 'acquire' | 'tryAcquire' | 'tryForAWhile' | 'run';
  readonly isRevocable: boolean;
  readonly hasPosition: boolean;
  readonly isBoundToConnection: boolean;
}

/** Any manner. */
export const manners: fc.Arbitrary<Manner> = fc.record({
  how: fc.constantFrom('acquire', 'acquire', 'acquire', 'tryAcquire', 'tryForAWhile', 'run'),
  isRevocable: fc.boolean(),
  hasPosition: fc.boolean(),
  isBoundToConnection: fc.boolean(),
});

/** What all locks have, with the options that they do not share left open. */
interface Acquirable {
  acquire(options: object): Promise<Hold>;
  tryAcquire(options: object): Promise<Hold | null>;
  run(fn: (hold: Hold) => Promise<void>, options: object): Promise<void>;
}

/** The recipe, and the options to ask for it with. */
export function recipeFor(keeper: Keeper, want: Want, manner: Manner): { recipe: Acquirable; options: object } {
  const lossPolicy = manner.isBoundToConnection ? 'connection' : 'session';
  const queueing = manner.hasPosition ? { onQueued: () => {} } : {};
  const lock = (name: LockName): Lock => lockOf(keeper, name, lossPolicy);
  switch (want.kind) {
    case 'multi':
      return { recipe: new MultiLock(keeper, want.locks.map(lock), { lossPolicy }), options: {} };
    case 'fixed':
    case 'limited':
      return { recipe: semaphoreOf(keeper, want.kind, lossPolicy), options: { permits: want.permits, ...queueing } };
    default:
      return { recipe: lock(want.kind), options: { revocable: manner.isRevocable, ...queueing } };
  }
}

/** A mutex, or a side of the read/write lock. */
export function lockOf(keeper: Keeper, name: LockName, lossPolicy: 'session' | 'connection' = 'session'): Lock {
  const { line } = linePaths[name];
  if (name === 'first' || name === 'second') return new Mutex(keeper, line, { lossPolicy });
  return new ReadWriteLock(keeper, line, { lossPolicy })[name];
}

/** The semaphore with a fixed number of leases, or the other one. */
export function semaphoreOf(
  keeper: Keeper,
  kind: 'fixed' | 'limited',
  lossPolicy: 'session' | 'connection' = 'session',
): Semaphore {
  const maxLeases = kind === 'fixed' ? FIXED_LEASES : { path: LIMIT_PATH, seed: FIRST_LEASES };
  return new Semaphore(keeper, linePaths[kind].line, { maxLeases, lossPolicy });
}
