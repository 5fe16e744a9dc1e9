import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { identityOf, textOf } from './identity.js';

describe('who a recipe is', () => {
  it('is the host and the process by default', () => {
    const id = `${hostname()}:${process.pid}`;
    expect(identityOf({})).toEqual({ id, data: Buffer.from(id) });
  });

  it('is its id, or its data where both are given', () => {
    expect(identityOf({ id: 'Ådne' })).toEqual({ id: 'Ådne', data: Buffer.from('Ådne') });
    expect(identityOf({ id: '' })).toEqual({ id: '', data: Buffer.of() });
    expect(identityOf({ id: 'a', data: 'b' })).toEqual({ id: 'b', data: Buffer.from('b') });
    expect(identityOf({ id: 'a', data: null })).toEqual({ id: '', data: null });
    expect(identityOf({ data: Buffer.of(0xff) })).toEqual({ id: '', data: Buffer.of(0xff) });
  });

  it('does not change with the bytes that the caller gave', () => {
    const given = Buffer.from('before');
    const { data } = identityOf({ data: given });
    given.write('after!');
    expect(data).toEqual(Buffer.from('before'));
  });
});

it('reads text from a znode, and nothing from what is none', () => {
  expect([textOf(Buffer.from('a')), textOf(null), textOf(Buffer.of()), textOf(Buffer.of(0xff))]).toEqual([
    'a',
    null,
    null,
    null,
  ]);
});
