import { describe, expect, it } from 'vitest';
import { DEFAULT_MAX_FRAME_BYTES } from '../protocol/frame.js';
import type { SetWatches2 } from '../protocol/operations/watches.js';
import { restoreRequests } from './restore-requests.js';
import { WATCH_KINDS, WatchTable } from './watch-table.js';

const lists = [
  'dataWatches',
  'existWatches',
  'childWatches',
  'persistentWatches',
  'persistentRecursiveWatches',
] as const satisfies readonly (keyof SetWatches2)[];

const requestsFor = (table: WatchTable<string>, path?: string) =>
  restoreRequests(table, 7n, DEFAULT_MAX_FRAME_BYTES, path);

/** Paths of a request, those of each list in their order. */
const pathsOf = (request: SetWatches2): string[] => lists.flatMap((list) => request[list]);

/** One watcher of each kind at `/a`. */
function oneOfEach(): WatchTable<string> {
  const table = new WatchTable<string>();
  for (const kind of WATCH_KINDS) table.add(kind, '/a', kind);
  return table;
}

describe('restoreRequests', () => {
  const none = Object.fromEntries(lists.map((list) => [list, []]));
  const each = Object.fromEntries(lists.map((list) => [list, ['/a']]));

  it('are none where nothing is watched', () => {
    expect(requestsFor(new WatchTable())).toEqual([]);
  });

  it('are one where all paths fit, and another for a watch for children that a recursive one hides', () => {
    expect(requestsFor(oneOfEach())).toMatchObject([
      { operation: { name: 'setWatches2' }, request: { relativeZxid: 7n, ...each }, persistentPaths: ['/a', '/a'] },
      { operation: { name: 'setWatches' }, request: { ...none, childWatches: ['/a'] }, persistentPaths: [] },
    ]);
    const table = new WatchTable<string>();
    table.add('child', '/a', 'one');
    table.add('recursive', '/b', 'one');
    expect(requestsFor(table)).toMatchObject([
      { request: { ...none, childWatches: ['/a'], persistentRecursiveWatches: ['/b'] }, persistentPaths: ['/b'] },
    ]);
  });

  it('use `setWatches`, which every server knows, without persistent watches', () => {
    const table = new WatchTable<string>();
    for (const kind of ['data', 'exist', 'child'] as const) table.add(kind, '/a', 'one');
    expect(requestsFor(table).map(({ operation }) => operation.name)).toEqual(['setWatches']);
  });

  it('are those of one path alone where one is given', () => {
    const table = oneOfEach();
    table.add('data', '/b', 'one');
    expect(requestsFor(table, '/a')).toMatchObject([{ request: each }, { request: { ...none, childWatches: ['/a'] } }]);
    expect(requestsFor(table, '/c')).toEqual([]);
  });

  it('end before the path that would make a request larger than 65,536 bytes, or than a frame that is smaller', () => {
    const table = new WatchTable<string>();
    for (let i = 0; i < 64; i++) table.add('data', `/${String(i).padStart(1019, '0')}`, 'one');
    expect(requestsFor(table).map(({ request }) => request.dataWatches.length)).toEqual([63, 1]);
    const small = restoreRequests(table, 7n, 4 * 1024);
    expect(small.map(({ request }) => request.dataWatches.length)).toEqual([...Array.from({ length: 21 }, () => 3), 1]);
  });

  it('keep the order of the kinds, and lose no path', () => {
    const table = new WatchTable<string>();
    const path = (kind: string, i: number): string => `/${kind}-${i}-${'x'.repeat(200)}`;
    for (const kind of [...WATCH_KINDS].reverse()) {
      for (let i = 0; i < 300; i++) table.add(kind, path(kind, i), 'one');
    }
    const requests = requestsFor(table);
    expect(requests).toHaveLength(5);
    const all = WATCH_KINDS.flatMap((kind) => Array.from({ length: 300 }, (_, i) => path(kind, i)));
    expect(requests.flatMap(({ request }) => pathsOf(request))).toEqual(all);
  });
});
