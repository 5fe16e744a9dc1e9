import { describe, expect, it } from 'vitest';
import { EventType } from '../protocol/watcher-event.js';
import { WATCH_KINDS, WatchTable } from './watch-table.js';

const { NodeCreated, NodeDeleted, NodeDataChanged, NodeChildrenChanged } = EventType;
const fired = (table: WatchTable<string>, type: number, path: string): string =>
  [...table.fire(type, path)].sort().join(' ');

/** One listener of each kind at `/a`, named for its kind. */
function oneOfEach(): WatchTable<string> {
  const table = new WatchTable<string>();
  for (const kind of WATCH_KINDS) table.add(kind, '/a', kind);
  return table;
}

describe('WatchTable.fire', () => {
  it.each([
    ['NodeCreated', NodeCreated, 'data exist persistent recursive', 'child persistent recursive'],
    ['NodeDataChanged', NodeDataChanged, 'data exist persistent recursive', 'child persistent recursive'],
    ['NodeDeleted', NodeDeleted, 'child data exist persistent recursive', 'persistent recursive'],
    ['NodeChildrenChanged', NodeChildrenChanged, 'child persistent', 'data exist persistent recursive'],
  ])('%s', (_, type, called, left) => {
    const table = oneOfEach();
    expect(fired(table, type, '/a')).toBe(called);
    expect(WATCH_KINDS.filter((kind) => table.has(kind, '/a')).sort()).toEqual(left.split(' '));
  });

  it.each([0, -1, 5, 6, 7, 99, -2_147_483_648])('uses up no watch for the type %i, which no server sends', (type) => {
    const table = oneOfEach();
    expect(fired(table, type, '/a')).toBe('');
    expect(WATCH_KINDS.filter((kind) => table.has(kind, '/a'))).toEqual(WATCH_KINDS);
  });

  it('tells recursive watches of everything below them', () => {
    const table = new WatchTable<string>();
    for (const path of ['/', '/a', '/a/b', '/ab']) table.add('recursive', path, path);
    expect(fired(table, NodeCreated, '/a/b/c')).toBe('/ /a /a/b');
    expect(fired(table, NodeDataChanged, '/a')).toBe('/ /a');
    expect(fired(table, NodeDeleted, '/ab')).toBe('/ /ab');
    expect(fired(table, NodeDataChanged, '/')).toBe('/');
    expect(fired(table, NodeChildrenChanged, '/a/b')).toBe('');
  });

  it.each(['', 'a', 'no/slash', '//', '/a/'])('bears the malformed path %j', (path) => {
    const table = oneOfEach();
    expect(() => table.fire(NodeDataChanged, path)).not.toThrow();
  });

  it('calls a listener once for an event, however often it stands there', () => {
    const table = new WatchTable<string>();
    for (const kind of WATCH_KINDS) table.add(kind, '/a', 'one');
    table.add('data', '/a', 'one');
    expect(fired(table, NodeDeleted, '/a')).toBe('one');
  });

  it('has nothing for a path that nobody watches', () => {
    expect(fired(oneOfEach(), NodeDeleted, '/b')).toBe('');
  });
});

describe('WatchTable', () => {
  it('takes out one listener, or all of a path', () => {
    const table = new WatchTable<string>();
    table.add('data', '/a', 'one');
    table.add('data', '/a', 'two');
    expect(table.remove('data', '/a', 'three')).toEqual([]);
    expect(table.remove('data', '/b')).toEqual([]);
    expect(table.remove('data', '/a', 'one')).toEqual(['one']);
    expect(table.remove('data', '/a')).toEqual(['two']);
    expect(table.has('data', '/a')).toBe(false);
  });

  it('gives every listener once when it is cleared', () => {
    const table = oneOfEach();
    table.add('data', '/b', 'child');
    expect([...table.clear()].sort()).toEqual([...WATCH_KINDS].sort());
    expect(WATCH_KINDS.flatMap((kind) => [...table.paths(kind)])).toEqual([]);
  });
});
