import { childOf } from '@zk-recipes/core/recipe-kit';

/** Where the items of one directory and what belongs to them are kept. */
export interface Store {
  /** The queue's own directory, as Curator has it: items, and nothing else. */
  readonly items: string;
  /** An ephemeral znode for each item that is being worked on, under its name: Curator's `lockPath`. */
  readonly claims: string;
  /** An `AttemptRecord` for each item that was claimed before, under its name. */
  readonly records: string;
}

/** Where a queue keeps what is not in a store. All of it lies outside of the directories that Curator reads. */
export interface Places {
  /** The line of those who would like to have an item and found none. */
  readonly line: string;
  /** The line of those who would like to put an item and found no room. */
  readonly producers: string;
  /** The line of those who wait for an item of a simple queue. */
  readonly takers: string;
  /** Znodes by which a put whose reply was lost is told. */
  readonly markers: string;
  /** What could not be worked off: a store itself. */
  readonly deadLetters: Store;
}

/** Path beside a queue for all that is not Curator's. */
export function besides(path: string): string {
  return `${path}-side`;
}

/** The store of a directory. @param side where its claims and records are */
export function storeOf(items: string, side: string = besides(items), claims: string = childOf(side, 'claims')): Store {
  return { items, claims, records: childOf(side, 'attempts') };
}

/** The places of the queue at a path. */
export function placesOf(path: string, deadLetterPath: string = `${path}-dead-letters`): Places {
  const side = besides(path);
  return {
    line: childOf(side, 'line'),
    producers: childOf(side, 'producers'),
    takers: childOf(side, 'takers'),
    markers: childOf(side, 'markers'),
    deadLetters: storeOf(deadLetterPath),
  };
}
