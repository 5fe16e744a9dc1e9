import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ancestorsOf, checkNamespace, childOf, Namespace, nameOf, parentOf } from './namespace.js';

const segment = fc.stringMatching(/^[a-z0-9_-]{1,8}$/);
const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`);

describe('Namespace', () => {
  it('is invisible to its users, whatever the path', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.constant(''),
          segment,
          fc.tuple(segment, segment).map((s) => s.join('/')),
        ),
        path,
        (name, own) => {
          const namespace = new Namespace(name);
          expect(namespace.fromReal(namespace.toReal(own))).toBe(own);
        },
      ),
    );
  });

  it('leaves paths outside of it alone, also those that begin alike', () => {
    const namespace = new Namespace('billing');
    expect(namespace.fromReal('/billing2/x')).toBe('/billing2/x');
    expect(namespace.fromReal('/other')).toBe('/other');
    expect(namespace.fromReal('/billing')).toBe('/');
  });

  it('strips itself from events, and knows that session events have no path', () => {
    const namespace = new Namespace('a/b');
    expect(namespace.localEvent({ type: 'NodeCreated', state: 'SyncConnected', path: '/a/b/c' }).path).toBe('/c');
    expect(namespace.localEvent({ type: 'None', state: 'Expired', path: null }).path).toBeNull();
  });

  it('refuses relative paths, which would land beside the root', () => {
    expect(() => new Namespace('a').toReal('b')).toThrow("Expected `path` to start with '/', got 'b'");
    expect(() => new Namespace('').toReal('')).toThrow(TypeError);
  });

  it('has a name that makes a path', () => {
    for (const name of ['/a', 'a/', 'a//b', '.', 'a/../b']) expect(() => checkNamespace(name)).toThrow(RangeError);
    for (const name of ['', 'a', 'a/b']) expect(checkNamespace(name)).toBe(name);
  });
});

describe('paths', () => {
  it('are taken apart and put together', () => {
    expect(ancestorsOf('/a/b/c')).toEqual(['/a', '/a/b']);
    expect(ancestorsOf('/a/b/')).toEqual(['/a', '/a/b']);
    expect(ancestorsOf('/a')).toEqual([]);
    expect([parentOf('/a/b'), parentOf('/a'), parentOf('/')]).toEqual(['/a', '/', '/']);
    expect([nameOf('/a/b'), nameOf('/a/')]).toEqual(['b', '']);
    expect([childOf('/', 'a'), childOf('/a', 'b')]).toEqual(['/a', '/a/b']);
  });
});
