import { describe, expect, it } from 'vitest';
import { decoded, encode, encoded, hex } from '../../test/bytes.js';
import { type Codec, nothing, record, ustring } from '../jute/codec.js';
import { ReplyHeader, RequestHeader, SpecialXid } from './headers.js';
import { OpCode } from './op-code.js';
import { AuthPacket, WhoAmIResponse } from './operations/auth.js';
import { CreateRequest, CreateResponse } from './operations/create.js';
import { GetDataResponse } from './operations/data.js';
import { ReadRequest } from './operations/exists.js';
import { AddWatchRequest, addWatch, SetWatches, SetWatches2 } from './operations/watches.js';
import type { Stat } from './stat.js';
import { WatcherEvent } from './watcher-event.js';

/** As captured between a real server and the Java client. */
const stat: Stat = {
  czxid: 0x2an,
  mzxid: 0x36n,
  ctime: 0x1a2_0162_c57f,
  mtime: 0x1a2_0162_c59f,
  version: 2,
  cversion: 11,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 1,
  numChildren: 5,
  pzxid: 0x6en,
};
const statBytes =
  '000000000000002a 0000000000000036 000001a20162c57f 000001a20162c59f 00000002 0000000b 00000000 0000000000000000 00000001 00000005 000000000000006e';

const empty: Codec<object> = record({});
const anyone = { perms: 31, id: { scheme: 'world', id: 'anyone' } };

interface Golden {
  readonly name: string;
  readonly header: RequestHeader | ReplyHeader;
  readonly codec: Codec<never>;
  readonly value: unknown;
  readonly bytes: string;
}

function request<T>(name: string, xid: number, type: number, codec: Codec<T>, value: T, bytes: string): Golden {
  return { name, header: { xid, type }, codec: codec as Codec<never>, value, bytes };
}

function reply<T>(name: string, header: ReplyHeader, codec: Codec<T>, value: T, bytes: string): Golden {
  return { name: `reply to ${name}`, header, codec: codec as Codec<never>, value, bytes };
}

const zxid = 0xdbn;
const golden: readonly Golden[] = [
  request(
    'auth',
    SpecialXid.auth,
    OpCode.auth,
    AuthPacket,
    { type: 0, scheme: 'digest', auth: Buffer.from('u:p') },
    'fffffffc 00000064 00000000 00000006 646967657374 00000003 753a70',
  ),
  reply('auth', { xid: SpecialXid.auth, zxid: 0n, err: 0 }, empty, {}, 'fffffffc 0000000000000000 00000000'),
  request('ping', SpecialXid.ping, OpCode.ping, empty, {}, 'fffffffe 0000000b'),
  reply('ping', { xid: SpecialXid.ping, zxid, err: 0 }, empty, {}, 'fffffffe 00000000000000db 00000000'),
  request('getData', 1, OpCode.getData, ReadRequest, { path: '/a', watch: true }, '00000001 00000004 00000002 2f61 01'),
  reply(
    'getData',
    { xid: 1, zxid, err: 0 },
    GetDataResponse,
    { data: Buffer.from('y'), stat },
    `00000001 00000000000000db 00000000 00000001 79 ${statBytes}`,
  ),
  request(
    'exists',
    2,
    OpCode.exists,
    ReadRequest,
    { path: '/nonexist', watch: true },
    '00000002 00000003 00000009 2f6e6f6e6578697374 01',
  ),
  reply('exists, no node', { xid: 2, zxid, err: -101 }, empty, {}, '00000002 00000000000000db ffffff9b'),
  request(
    'getChildren2',
    3,
    OpCode.getChildren2,
    ReadRequest,
    { path: '/a', watch: true },
    '00000003 0000000c 00000002 2f61 01',
  ),
  request(
    'setWatches',
    4,
    OpCode.setWatches,
    SetWatches,
    { relativeZxid: zxid, dataWatches: ['/a'], existWatches: ['/nonexist'], childWatches: ['/a'] },
    '00000004 00000065 00000000000000db 00000001 00000002 2f61 00000001 00000009 2f6e6f6e6578697374 00000001 00000002 2f61',
  ),
  reply('setWatches', { xid: 4, zxid, err: 0 }, empty, {}, '00000004 00000000000000db 00000000'),
  request(
    'setWatches2',
    4,
    OpCode.setWatches2,
    SetWatches2,
    {
      relativeZxid: 1n,
      dataWatches: [],
      existWatches: [],
      childWatches: [],
      persistentWatches: ['/p'],
      persistentRecursiveWatches: ['/r'],
    },
    '00000004 00000069 0000000000000001 00000000 00000000 00000000 00000001 00000002 2f70 00000001 00000002 2f72',
  ),
  request(
    'addWatch',
    5,
    OpCode.addWatch,
    AddWatchRequest,
    { path: '/pw', mode: 0 },
    '00000005 0000006a 00000003 2f7077 00000000',
  ),
  reply(
    'addWatch',
    { xid: 5, zxid, err: 0 },
    addWatch.response as Codec<{ readonly err: number }>,
    { err: 0 },
    '00000005 00000000000000db 00000000 00000000',
  ),
  request('closeSession', 6, OpCode.closeSession, empty, {}, '00000006 fffffff5'),
  reply('closeSession', { xid: 6, zxid: 0xdcn, err: 0 }, empty, {}, '00000006 00000000000000dc 00000000'),
  reply(
    'nothing: a notification',
    { xid: SpecialXid.notification, zxid: -1n, err: 0 },
    WatcherEvent,
    { type: 3, state: 3, path: '/w' },
    'ffffffff ffffffffffffffff 00000000 00000003 00000003 00000002 2f77',
  ),
  request(
    'create',
    3,
    OpCode.create,
    CreateRequest,
    { path: '/k', data: Buffer.alloc(0), acl: [anyone], flags: 0 },
    '00000003 00000001 00000002 2f6b 00000000 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 00000000',
  ),
  reply(
    'create',
    { xid: 3, zxid: 2n, err: 0 },
    CreateResponse,
    { path: '/k' },
    '00000003 0000000000000002 00000000 00000002 2f6b',
  ),
];

describe('a frame captured from the wire', () => {
  it.each(golden.map((one) => [one.name, one] as const))(
    '%s, is written and read',
    (_, { header, codec, value, bytes }) => {
      const headerCodec = ('type' in header ? RequestHeader : ReplyHeader) as Codec<RequestHeader | ReplyHeader>;
      const frame = encode((writer) => {
        headerCodec.write(writer, header);
        codec.write(writer, value as never);
      });
      expect(frame).toEqual(hex(bytes));
      const whole = record<{ header: RequestHeader | ReplyHeader; body: unknown }>({
        header: headerCodec,
        body: codec as Codec<unknown>,
      });
      expect(decoded(whole, hex(bytes))).toEqual({ header, body: value });
    },
  );

  it('whoAmI lists identities', () => {
    const bytes = hex('00000001 00000002 6970 00000009 3132372e302e302e31');
    expect(decoded(WhoAmIResponse, bytes)).toEqual({ clientInfo: [{ authScheme: 'ip', user: '127.0.0.1' }] });
    expect(encoded(WhoAmIResponse, { clientInfo: [{ authScheme: 'ip', user: '127.0.0.1' }] })).toEqual(bytes);
  });

  it('may be followed by bytes of a later protocol, which are not looked at', () => {
    const longer = Buffer.concat([encoded(GetDataResponse, { data: null, stat }), hex('deadbeef')]);
    expect(decoded(GetDataResponse, longer)).toEqual({ data: null, stat });
    expect(decoded(record({ path: ustring, none: nothing }), hex('00000001 2f 77'))).toMatchObject({ path: '/' });
  });
});
