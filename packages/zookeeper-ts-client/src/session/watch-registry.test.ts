import { describe, expect, it } from 'vitest';
import { EventType } from '../protocol/watcher-event.js';
import { WATCH_KINDS, type WatchedPaths, WatchRegistry } from './watch-registry.js';

const { NodeCreated, NodeDeleted, NodeDataChanged, NodeChildrenChanged } = EventType;
const fired = (registry: WatchRegistry<string>, type: number, path: string): string =>
  [...registry.fire(type, path)].sort().join(' ');

/** One listener of each kind at `/a`, named for its kind. */
function oneOfEach(): WatchRegistry<string> {
  const registry = new WatchRegistry<string>();
  for (const kind of WATCH_KINDS) registry.add(kind, '/a', kind);
  return registry;
}

describe('WatchRegistry.fire', () => {
  it.each([
    ['NodeCreated', NodeCreated, 'data exist persistent recursive', 'child persistent recursive'],
    ['NodeDataChanged', NodeDataChanged, 'data exist persistent recursive', 'child persistent recursive'],
    ['NodeDeleted', NodeDeleted, 'child data exist persistent recursive', 'persistent recursive'],
    ['NodeChildrenChanged', NodeChildrenChanged, 'child persistent', 'data exist persistent recursive'],
  ])('%s', (_, type, called, left) => {
    const registry = oneOfEach();
    expect(fired(registry, type, '/a')).toBe(called);
    expect(WATCH_KINDS.filter((kind) => registry.has(kind, '/a')).sort()).toEqual(left.split(' '));
  });

  it.each([0, -1, 5, 6, 7, 99, -2_147_483_648])('uses up no watch for the type %i, which no server sends', (type) => {
    const registry = oneOfEach();
    expect(fired(registry, type, '/a')).toBe('');
    expect(registry.size).toBe(WATCH_KINDS.length);
  });

  it('tells recursive watches of everything below them', () => {
    const registry = new WatchRegistry<string>();
    for (const path of ['/', '/a', '/a/b', '/ab']) registry.add('recursive', path, path);
    expect(fired(registry, NodeCreated, '/a/b/c')).toBe('/ /a /a/b');
    expect(fired(registry, NodeDataChanged, '/a')).toBe('/ /a');
    expect(fired(registry, NodeDeleted, '/ab')).toBe('/ /ab');
    expect(fired(registry, NodeDataChanged, '/')).toBe('/');
    expect(fired(registry, NodeChildrenChanged, '/a/b')).toBe('');
  });

  it.each(['', 'a', 'no/slash', '//', '/a/'])('bears the malformed path %j', (path) => {
    const registry = oneOfEach();
    expect(() => registry.fire(NodeDataChanged, path)).not.toThrow();
  });

  it('calls a listener once for an event, however often it stands there', () => {
    const registry = new WatchRegistry<string>();
    for (const kind of WATCH_KINDS) registry.add(kind, '/a', 'one');
    registry.add('data', '/a', 'one');
    expect(fired(registry, NodeDeleted, '/a')).toBe('one');
  });

  it('has nothing for a path that nobody watches', () => {
    expect(fired(oneOfEach(), NodeDeleted, '/b')).toBe('');
  });
});

describe('WatchRegistry', () => {
  it('takes out one listener, or all of a path', () => {
    const registry = new WatchRegistry<string>();
    registry.add('data', '/a', 'one');
    registry.add('data', '/a', 'two');
    expect(registry.remove('data', '/a', 'three')).toEqual([]);
    expect(registry.remove('data', '/b')).toEqual([]);
    expect(registry.remove('data', '/a', 'one')).toEqual(['one']);
    expect(registry.listeners('data', '/a')).toEqual(['two']);
    expect(registry.remove('data', '/a')).toEqual(['two']);
    expect(registry.size).toBe(0);
  });

  it('counts registrations under way', () => {
    const registry = new WatchRegistry<string>();
    const data = registry.begin('data', '/a');
    const persistent = registry.begin('persistent', '/a');
    registry.finish(data);
    registry.finish(data);
    expect(registry.isUnderWay('/a')).toBe(true);
    expect(registry.isSet('persistent', '/a')).toBe(false);
    persistent.written = true;
    expect(registry.isSet('persistent', '/a')).toBe(true);
    registry.finish(persistent);
    expect(registry.isUnderWay('/a')).toBe(false);
    expect(registry.isSet('persistent', '/a')).toBe(false);
  });

  it('gives every listener once when it is cleared', () => {
    const registry = oneOfEach();
    registry.add('data', '/b', 'child');
    expect([...registry.clear()].sort()).toEqual([...WATCH_KINDS].sort());
    expect(registry.size).toBe(0);
  });
});

describe('WatchRegistry.chunks', () => {
  const characters = (chunk: WatchedPaths): number =>
    WATCH_KINDS.flatMap((kind) => chunk[kind]).reduce((sum, path) => sum + path.length, 0);

  it('has none where nothing is watched', () => {
    expect([...new WatchRegistry().chunks()]).toEqual([]);
  });

  const none = { data: [], exist: [], child: [], persistent: [], recursive: [] };
  const ofEach = Object.fromEntries(WATCH_KINDS.map((kind) => [kind, ['/a']]));

  it('has one where all paths fit, and another for children watches that a recursive one would hide', () => {
    expect([...oneOfEach().chunks()]).toEqual([ofEach, { ...none, child: ['/a'] }]);
    const registry = new WatchRegistry<string>();
    registry.add('child', '/a', 'one');
    registry.add('recursive', '/b', 'one');
    expect([...registry.chunks()]).toEqual([{ ...none, child: ['/a'], recursive: ['/b'] }]);
  });

  it('has those of one path alone', () => {
    expect(oneOfEach().chunksOf('/a')).toEqual([ofEach, { ...none, child: ['/a'] }]);
    expect(oneOfEach().chunksOf('/b')).toEqual([]);
  });

  it('ends a chunk before the path that would make a request larger than 65,536 bytes', () => {
    const registry = new WatchRegistry<string>();
    const path = (i: number): string => `/${String(i).padStart(1019, '0')}`;
    for (let i = 0; i < 64; i++) registry.add('data', path(i), 'one');
    const chunks = [...registry.chunks()];
    expect(chunks.map(characters)).toEqual([63 * 1020, 1020]);
  });

  it('keeps the order of the kinds, and loses no path', () => {
    const registry = new WatchRegistry<string>();
    for (const kind of [...WATCH_KINDS].reverse()) {
      for (let i = 0; i < 300; i++) registry.add(kind, `/${kind}-${i}-${'x'.repeat(200)}`, 'one');
    }
    const chunks = [...registry.chunks()];
    expect(chunks.length).toBe(5);
    const order = chunks.flatMap((chunk) => WATCH_KINDS.flatMap((kind) => chunk[kind].map(() => kind)));
    expect(order).toEqual(WATCH_KINDS.flatMap((kind) => Array.from({ length: 300 }, () => kind)));
    for (const chunk of chunks.slice(0, -1)) expect(characters(chunk)).toBeLessThan(65_536);
  });
});
