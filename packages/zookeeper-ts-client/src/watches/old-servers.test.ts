import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../errors/error-code.js';
import { RequestRejectedError } from '../errors/errors.js';
import { isHiddenByRecursive, mayRemove, mustAskServer, removalAfterRefusal } from './old-servers.js';
import { type WatchKind, WatchTable } from './watch-table.js';
import { ANY_ON_WIRE, type WatcherType } from './watcher-type.js';

function tableOf(...kinds: WatchKind[]): WatchTable<string> {
  const table = new WatchTable<string>();
  for (const kind of kinds) table.add(kind, '/a', 'one');
  return table;
}

describe('what old servers do with watches', () => {
  it.each<['data' | 'child', WatchKind[], boolean]>([
    ['data', [], true],
    ['child', [], true],
    ['data', ['data', 'exist', 'child'], true],
    ['data', ['persistent'], false],
    ['child', ['persistent'], false],
    ['data', ['recursive'], false],
    ['child', ['recursive'], true],
  ])('a read with a watch for %s beside %j has to ask for it: %s', (kind, set, expected) => {
    expect(mustAskServer(kind, (other) => set.includes(other))).toBe(expected);
  });

  it('only the watch for children is hidden by a recursive one at its path', () => {
    expect(isHiddenByRecursive(tableOf('child', 'recursive'), 'child', '/a')).toBe(true);
    expect(isHiddenByRecursive(tableOf('data', 'recursive'), 'data', '/a')).toBe(false);
    expect(isHiddenByRecursive(tableOf('child', 'persistent'), 'child', '/a')).toBe(false);
    expect(isHiddenByRecursive(tableOf('child', 'recursive'), 'child', '/b')).toBe(false);
  });

  it.each<[WatcherType, WatchKind[], boolean]>([
    ['DATA', [], true],
    ['DATA', ['child'], true],
    ['DATA', ['data'], false],
    ['DATA', ['exist'], false],
    ['DATA', ['persistent'], false],
    ['CHILDREN', ['recursive'], false],
    ['PERSISTENT', ['data', 'child', 'recursive'], true],
    ['PERSISTENT', ['persistent'], false],
    ['PERSISTENT_RECURSIVE', ['persistent'], true],
    ['ANY', [], true],
    ['ANY', ['child'], false],
  ])('%s may be removed from the server while %j is wanted: %s', (type, wanted, expected) => {
    expect(mayRemove(tableOf(...wanted), type, '/a')).toBe(expected);
  });

  it('a persistent watch whose removal is refused is removed with all others of its path', () => {
    const refused = new RequestRejectedError(ErrorCode.MARSHALLINGERROR, 'removeWatches', '/a');
    expect(removalAfterRefusal('PERSISTENT', refused)).toBe(ANY_ON_WIRE);
    expect(removalAfterRefusal('PERSISTENT_RECURSIVE', refused)).toBe(ANY_ON_WIRE);
    expect(removalAfterRefusal('DATA', refused)).toBeNull();
    expect(removalAfterRefusal('PERSISTENT', new Error('lost'))).toBeNull();
  });
});
