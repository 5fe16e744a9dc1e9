import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decoded, encoded, hex } from '../../../test/bytes.js';
import { MarshallingError } from '../../errors/errors.js';
import { OpCode } from '../op-code.js';
import type { Stat } from '../stat.js';
import { MultiRequest, type MultiRequestItem, MultiResponse, type MultiResponseItem } from './multi.js';

const stat: Stat = {
  czxid: 1n,
  mzxid: 2n,
  ctime: 3,
  mtime: 4,
  version: 5,
  cversion: 6,
  aversion: 7,
  ephemeralOwner: -8n,
  dataLength: 9,
  numChildren: 10,
  pzxid: 11n,
};
const statBytes =
  '0000000000000001 0000000000000002 0000000000000003 0000000000000004 00000005 00000006 00000007 fffffffffffffff8 00000009 0000000a 000000000000000b';

describe('MultiResponse', () => {
  it.each<[string, MultiResponseItem[], string]>([
    [
      'a refused transaction',
      [0, -103, -2, -2].map((errorCode) => ({ type: 'error', errorCode })),
      'ffffffff 00 00000000 00000000  ffffffff 00 ffffff99 ffffff99  ffffffff 00 fffffffe fffffffe  ffffffff 00 fffffffe fffffffe  ffffffff 01 ffffffff',
    ],
    [
      'create without its Stat, setData, delete',
      [{ type: 'create', path: '/w/mm', stat: null }, { type: 'setData', stat }, { type: 'delete' }],
      `00000001 00 00000000 00000005 2f772f6d6d  00000005 00 00000000 ${statBytes}  00000002 00 00000000  ffffffff 01 ffffffff`,
    ],
    [
      'create with its Stat, check',
      [{ type: 'create', path: '/w', stat }, { type: 'check' }],
      `0000000f 00 00000000 00000002 2f77 ${statBytes}  0000000d 00 00000000  ffffffff 01 ffffffff`,
    ],
    [
      'reads, one of which failed',
      [
        { type: 'getData', data: null, stat },
        { type: 'getChildren', children: ['b', 'a'] },
        { type: 'error', errorCode: -101 },
      ],
      `00000004 00 00000000 ffffffff ${statBytes}  00000008 00 00000000 00000002 00000001 62 00000001 61  ffffffff 00 ffffff9b ffffff9b  ffffffff 01 ffffffff`,
    ],
    ['nothing', [], 'ffffffff 01 ffffffff'],
  ])('of %s has the bytes of the wire', (_, items, bytes) => {
    expect(encoded(MultiResponse, items)).toEqual(hex(bytes));
    expect(decoded(MultiResponse, hex(bytes))).toEqual(items);
  });

  it.each(['00000063', '00000003', '00000007', '00000000', 'fffffff5'])('refuses a result of type %s', (type) => {
    expect(() => decoded(MultiResponse, hex(`${type} 00 00000000 ffffffff 01 ffffffff`))).toThrow(MarshallingError);
  });

  it('without its end is refused', () => {
    expect(() => decoded(MultiResponse, hex('00000002 00 00000000'))).toThrow(MarshallingError);
  });
});

describe('MultiRequest', () => {
  const path = fc.string({ unit: 'binary', maxLength: 10 });
  const data = fc.option(fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)));
  const acl = fc.array(fc.record({ perms: fc.integer(), id: fc.record({ scheme: path, id: path }) }), { maxLength: 2 });
  const flags = fc.integer({ min: 0, max: 6 });
  const version = fc.integer();
  const item = fc.oneof(
    fc.record({
      type: fc.constantFrom(OpCode.create, OpCode.create2, OpCode.createContainer),
      request: fc.record({ path, data, acl, flags }),
    }),
    fc.record({
      type: fc.constant(OpCode.createTTL),
      request: fc.record({ path, data, acl, flags, ttl: fc.maxSafeInteger() }),
    }),
    fc.record({ type: fc.constantFrom(OpCode.delete, OpCode.check), request: fc.record({ path, version }) }),
    fc.record({ type: fc.constant(OpCode.setData), request: fc.record({ path, data, version }) }),
    fc.record({
      type: fc.constantFrom(OpCode.getData, OpCode.getChildren),
      request: fc.record({ path, watch: fc.boolean() }),
    }),
  ) as fc.Arbitrary<MultiRequestItem>;

  it('is read back as it was written', () => {
    fc.assert(
      fc.property(fc.array(item, { maxLength: 8 }), (items) => {
        expect(decoded(MultiRequest, encoded(MultiRequest, items))).toEqual(items);
      }),
    );
  });

  it('has a header before each operation and an end mark', () => {
    const items: MultiRequestItem[] = [{ type: OpCode.delete, request: { path: '/a', version: -1 } }];
    expect(encoded(MultiRequest, items)).toEqual(
      hex('00000002 00 ffffffff 00000002 2f61 ffffffff  ffffffff 01 ffffffff'),
    );
  });

  it('knows no other operations', () => {
    const alien = { type: OpCode.exists, request: { path: '/', watch: false } } as unknown as MultiRequestItem;
    expect(() => encoded(MultiRequest, [alien])).toThrow(MarshallingError);
    expect(() => decoded(MultiRequest, hex('00000003 00 ffffffff 00000001 2f 00'))).toThrow(MarshallingError);
  });
});
