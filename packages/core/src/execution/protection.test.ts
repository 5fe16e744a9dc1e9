import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findProtected, parseProtectedName, protectedPrefix, protectPath } from './protection.js';

const uuid = '0e2fbb1c-3a5d-4c0e-9d8b-1f6d5f4d3c2b';

describe('protection', () => {
  it('puts the prefix before the name, not before the path', () => {
    expect(protectPath('/locks/lock-', uuid)).toBe(`/locks/_c_${uuid}-lock-`);
    expect(protectPath('/lock', uuid)).toBe(`/_c_${uuid}-lock`);
    expect(protectPath('/locks/', uuid)).toBe(`/locks/_c_${uuid}-`);
  });

  it('is recognised by Curator’s rules', () => {
    expect(parseProtectedName(`_c_${uuid}-lock-0000000001`)).toEqual({ uuid, name: 'lock-0000000001' });
    expect(parseProtectedName(`_c_${uuid}-`)).toBeNull();
    expect(parseProtectedName(`_c_${uuid}x`)).toBeNull();
    expect(parseProtectedName(`_c_${uuid.replace('0', 'g')}-lock`)).toBeNull();
    expect(parseProtectedName('lock-0000000001')).toBeNull();
  });

  it('takes apart what it has put together', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.string({ minLength: 1 }), (id, name) => {
        expect(parseProtectedName(protectedPrefix(id) + name)).toEqual({ uuid: id, name });
      }),
    );
  });

  it('finds its own among others', () => {
    const children = [`_c_${randomUUID()}-lock-0000000000`, 'foreign', `_c_${uuid}-lock-0000000001`];
    expect(findProtected(children, uuid)).toBe(children[2]);
    expect(findProtected(children, randomUUID())).toBeNull();
  });
});
