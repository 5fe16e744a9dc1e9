import type { Keeper } from '@zk-recipes/core';
import {
  LeaderLatch,
  type LeaderLatchOptions,
  LeaderSelector,
  type Participant,
  type Tenure,
} from '@zk-recipes/leader-election';
import { untilAborted } from './holds.js';

/** The two recipes of leader election. */
export const kinds = ['LeaderLatch', 'LeaderSelector'] as const;
export type Kind = (typeof kinds)[number];

/** The name of a kind's znodes without protection and number. */
export const markers: Readonly<Record<Kind, string>> = { LeaderLatch: 'latch-', LeaderSelector: 'lock-' };

/** A latch or a selector, as far as they are alike: leads whenever it is its turn, as long as it may. */
export interface Contestant {
  readonly id: string;
  readonly keeper: Keeper;
  readonly isLeader: boolean;
  start(): Promise<void>;
  /** Resolves with the tenure when it leads, or with the present one. */
  elected(): Promise<Tenure>;
  /** Has each tenure told. */
  onElected(listener: (tenure: Tenure) => void): void;
  participants(): Promise<Participant[]>;
  leader(): Promise<Participant | null>;
  close(): Promise<void>;
}

/** Makes a candidate of an election. A selector's leads until its signal aborts, and stands again. */
export function contestant(
  kind: Kind,
  keeper: Keeper,
  path: string,
  id: string,
  { lossPolicy }: Pick<LeaderLatchOptions, 'lossPolicy'> = {},
): Contestant {
  return kind === 'LeaderLatch'
    ? latchContestant(keeper, new LeaderLatch(keeper, path, { id, lossPolicy }))
    : selectorContestant(keeper, path, { id, lossPolicy });
}

function latchContestant(keeper: Keeper, latch: LeaderLatch): Contestant {
  return {
    id: latch.id,
    keeper,
    get isLeader() {
      return latch.isLeader;
    },
    start: () => latch.start(),
    elected: () => latch.awaitLeadership(),
    onElected: (listener) => void latch.on('leader', listener),
    participants: () => latch.participants(),
    leader: () => latch.leader(),
    close: () => latch.close(),
  };
}

function selectorContestant(keeper: Keeper, path: string, options: LeaderLatchOptions & { id: string }): Contestant {
  const listeners: ((tenure: Tenure) => void)[] = [];
  let present: Tenure | null = null;
  let waiting: ((tenure: Tenure) => void)[] = [];
  const lead = async (tenure: Tenure): Promise<void> => {
    present = tenure;
    for (const listener of listeners) listener(tenure);
    for (const resolve of waiting) resolve(tenure);
    waiting = [];
    await untilAborted(tenure.signal);
    present = null;
  };
  const selector = new LeaderSelector(keeper, path, lead, { ...options, autoRequeue: true });
  return {
    id: options.id,
    keeper,
    get isLeader() {
      return selector.isLeader;
    },
    start: async () => selector.start(),
    elected: async () =>
      present !== null && present.state === 'held' ? present : await new Promise((resolve) => waiting.push(resolve)),
    onElected: (listener) => void listeners.push(listener),
    participants: () => selector.participants(),
    leader: () => selector.leader(),
    close: () => selector.close(),
  };
}
