import { childOf } from '@zk-recipes/core/recipe-kit';

/** Paths of the items of one directory, and of their claims and records. */
export interface Store {
  /** Directory of the queue, as in Curator: contains only items. */
  readonly items: string;
  /** Directory of the claims, with an ephemeral znode for each item in flight, under the item's name: Curator's `lockPath`. */
  readonly claims: string;
  /** Directory of the attempt records, one for each item that was claimed before, under the item's name. */
  readonly records: string;
}

/** Paths of a queue outside of its store. Curator reads none of these directories. */
export interface Places {
  /** Line of consumers that want an item and found none. */
  readonly line: string;
  /** Line of producers that want to put an item into a full queue. */
  readonly producers: string;
  /** Line of callers that wait for an item of a simple queue. */
  readonly takers: string;
  /** Directory of the markers, which tell whether a put was executed whose reply was lost. */
  readonly markers: string;
  /** Dead letters, which form a store themselves. */
  readonly deadLetters: Store;
}

/** Returns the path beside a queue for all znodes that Curator does not have. */
export function besides(path: string): string {
  return `${path}-side`;
}

/** Returns the store of a directory. @param side path of its claims and records */
export function storeOf(items: string, side: string = besides(items), claims: string = childOf(side, 'claims')): Store {
  return { items, claims, records: childOf(side, 'attempts') };
}

/** Returns the paths of the queue at a path. */
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
