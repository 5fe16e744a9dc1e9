import type { Keeper } from '@zk-recipes/core';
import { onSessionLapse } from '@zk-recipes/core/recipe-kit';
import type { ObservedRequest } from '@zk-recipes/test-server';
import type { ZooKeeper } from 'zookeeper-ts-client';

/** A request, or a call of the client, by what is the same about it in every run. */
export interface SeenRequest {
  readonly operation: string;
  /** Without protection; `undefined` for operations of no single path. */
  readonly path: string | undefined;
  /** Which one of its like it is, from 1. */
  readonly nth: number;
}

const PROTECTION = /_c_[0-9a-f-]{36}-/g;
/** Uuids that a story counts up, since a name is a uuid and nothing else: of members of a double barrier. */
const COUNTED_UUID = /80000000-0000-4000-8000-\d{12}/g;
const NUMBER = /(?<=\D)\d{10}(?!\d)/g;

/** A name or path without the uuid that is another one each time. */
export function withoutProtection(text: string): string {
  return text.replace(PROTECTION, '').replace(COUNTED_UUID, 'member');
}

/** A name or path without the number that the server has given. */
export function withoutNumber(text: string): string {
  return text.replace(NUMBER, '#');
}

/** Replaces in all strings of a result what is another one each time: uuids, and the server's numbers. */
export function withoutChance<T>(result: T): unknown {
  const text = JSON.stringify(result, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
  return text === undefined ? undefined : JSON.parse(withoutNumber(withoutProtection(text)));
}

/** `create2 /line/lock- (2nd)` */
export function describeSeen({ operation, path, nth }: SeenRequest): string {
  const which = nth === 1 ? '' : nth === 2 ? ' (2nd)' : nth === 3 ? ' (3rd)' : ` (${nth}th)`;
  return `${operation}${path === undefined ? '' : ` ${path}`}${which}`;
}

/** Whether a request is one of a recipe: not of the client's own that keep session and watches alive. */
export function isOfRecipe({ operation, path }: ObservedRequest): boolean {
  if (operation === 'sync') return path !== '/';
  return !['ping', 'setWatches', 'setWatches2', 'auth', 'closeSession'].includes(operation);
}

/** Whether an operation changes the tree. */
export function isWrite({ operation }: SeenRequest): boolean {
  return /^(create|delete|set|multi$)/.test(operation);
}

/** What has been seen so far, in order. */
export class Sightings {
  readonly seen: SeenRequest[] = [];

  add(operation: string, path: string | undefined): SeenRequest {
    const kind = { operation, path: path === undefined ? undefined : withoutProtection(path) };
    const sighting = { ...kind, nth: this.count(kind) + 1 };
    this.seen.push(sighting);
    return sighting;
  }

  count({ operation, path }: { readonly operation?: string | undefined; readonly path?: string | undefined }): number {
    return this.seen.filter((one) => (operation ?? one.operation) === one.operation && (path ?? one.path) === one.path)
      .length;
  }
}

/** Whether two are the same. */
export function isSame(a: SeenRequest, b: SeenRequest): boolean {
  return a.operation === b.operation && a.path === b.path && a.nth === b.nth;
}

/** What the client is asked to do, in the order of the calls; each is one request. */
const CALLS = [
  ...(['create', 'delete', 'exists', 'getData', 'setData', 'getChildren', 'getAcl', 'setAcl', 'sync'] as const),
  ...(['multi', 'multiRead', 'addWatch', 'removeWatches'] as const),
];

/**
 * Calls back whenever a call of a client has been answered, before anybody who awaits it goes on.
 *
 * @returns what has been called
 */
export function followCalls(zookeeper: ZooKeeper, onAnswer: (call: SeenRequest) => void): Sightings {
  const calls = new Sightings();
  for (const name of CALLS) {
    const original = zookeeper[name].bind(zookeeper) as (...args: unknown[]) => Promise<unknown>;
    const follow = (...args: unknown[]): Promise<unknown> => {
      const answer = original(...args);
      const call = calls.add(name, typeof args[0] === 'string' ? args[0] : undefined);
      // In the queue before whoever asked.
      const answered = (): void => onAnswer(call);
      answer.then(answered, answered);
      return answer;
    };
    Object.defineProperty(zookeeper, name, { value: follow, configurable: true });
  }
  return calls;
}

/**
 * Counts the listeners of a keeper from now on, but for the one that all recipes share for its life.
 *
 * @returns tells how many there are
 */
export function countListeners(keeper: Keeper): () => number {
  onSessionLapse(keeper, keeper.sessionEpoch, () => {})();
  const [on, off] = [keeper.on.bind(keeper), keeper.off.bind(keeper)];
  const known = new Set<unknown>();
  const counting = (act: typeof on, note: 'add' | 'delete'): typeof on => {
    return (event, listener) => {
      known[note](listener);
      return act(event, listener);
    };
  };
  Object.defineProperties(keeper, {
    on: { value: counting(on, 'add') },
    off: { value: counting(off, 'delete') },
  });
  return () => known.size;
}
