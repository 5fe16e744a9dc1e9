import fc from 'fast-check';
import {
  AddWatchRequest,
  AuthPacket,
  CreateRequest,
  CreateTtlRequest,
  DeleteRequest,
  type Encoder,
  GetEphemeralsRequest,
  MultiRequest,
  type MultiRequestItem,
  OpCode,
  PathRequest,
  ReadRequest,
  ReconfigRequest,
  RemoveWatchesRequest,
  SetAclRequest,
  SetDataRequest,
  SetWatches,
  SetWatches2,
} from 'zookeeper-ts-client/protocol';
import { OPEN_ACL } from '../../src/access-control.js';
import { encoded } from '../wire-client.js';
import { acl, data, flags, path, type StepScope, ttl, version, whole } from './materials.js';

/** A request whose record is made when the sequence runs. */
export interface Request {
  readonly kind: 'request';
  readonly opCode: number;
  readonly body: (scope: StepScope) => Buffer;
}

/** A value with words for the report of a failure. */
export interface Described<T> {
  readonly value: T;
  readonly text: string;
}

/** A request whose record is made when the sequence runs. */
function request<T>(
  opCode: number,
  codec: Encoder<T>,
  of: fc.Arbitrary<(scope: StepScope) => T>,
): fc.Arbitrary<Described<Request>> {
  return of.map((make) => ({
    value: { kind: 'request', opCode, body: (scope) => encoded(codec, make(scope)) },
    text: `${opCode} ${show(make({ root: '~', baseZxid: 0n }))}`,
  }));
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? `${inner}` : inner));
}

const createFields = fc.record({ path, data, acl, flags });
const onPath = path.map((target) => (scope: StepScope) => ({ path: whole(target, scope) }));
const reading = fc
  .record({ path, watch: fc.boolean() })
  .map((fields) => (scope: StepScope) => ({ ...fields, path: whole(fields.path, scope) }));
const versioned = fc
  .record({ path, version })
  .map((fields) => (scope: StepScope) => ({ ...fields, path: whole(fields.path, scope) }));
const creating = createFields.map((fields) => (scope: StepScope) => ({ ...fields, path: whole(fields.path, scope) }));
const creatingTtl = fc
  .tuple(creating, ttl, fc.constantFrom(5, 6, 5, 6, 0))
  .map(([make, ttlMs, mode]) => (scope: StepScope) => {
    // A negative TTL for a mode that has none is accepted, and then fails inside the real server.
    return { ...make(scope), flags: mode, ttl: mode === 0 ? Math.max(0, ttlMs) : ttlMs };
  });
const setting = fc
  .record({ path, data, version })
  .map((fields) => (scope: StepScope) => ({ ...fields, path: whole(fields.path, scope) }));
const settingAcl = fc
  .record({ path, acl, version })
  .map((fields) => (scope: StepScope) => ({ ...fields, path: whole(fields.path, scope) }));

type Item = (scope: StepScope) => MultiRequestItem;
const creates = [OpCode.create, OpCode.create2, OpCode.createContainer] as const;
const writeItem: fc.Arbitrary<Item> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constantFrom(...creates), creating).map(
      ([type, make]): Item =>
        (scope) => ({ type, request: make(scope) }),
    ),
  },
  {
    weight: 1,
    arbitrary: creatingTtl.map(
      (make): Item =>
        (scope) => ({ type: OpCode.createTTL, request: make(scope) }),
    ),
  },
  {
    weight: 3,
    arbitrary: versioned.map(
      (make): Item =>
        (scope) => ({ type: OpCode.delete, request: make(scope) }),
    ),
  },
  {
    weight: 3,
    arbitrary: setting.map(
      (make): Item =>
        (scope) => ({ type: OpCode.setData, request: make(scope) }),
    ),
  },
  {
    weight: 3,
    arbitrary: versioned.map(
      (make): Item =>
        (scope) => ({ type: OpCode.check, request: make(scope) }),
    ),
  },
);
/** Operations that go on from each other, when enough of them are left. */
const relatedItems: fc.Arbitrary<(scope: StepScope) => readonly MultiRequestItem[]> = fc
  .tuple(fc.subarray([0, 1, 2, 3, 4, 5, 6, 7, 8]), fc.constantFrom('/m', '/a', '/b'))
  .map(([chosen, below]) => ({ root }) => {
    const path = root + below;
    const make = (name: string, mode: number): MultiRequestItem => {
      return { type: OpCode.create, request: { path: name, data: null, acl: OPEN_ACL, flags: mode } };
    };
    const drop = (name: string): MultiRequestItem => ({ type: OpCode.delete, request: { path: name, version: -1 } });
    const all = [
      make(path, 0),
      make(`${path}/c`, 1),
      make(`${path}/n-`, 2),
      { type: OpCode.setData, request: { path, data: null, version: 0 } } as const,
      { type: OpCode.check, request: { path, version: 1 } } as const,
      make(`${path}/n-`, 3),
      drop(`${path}/c`),
      drop(path),
      make(path, 1),
    ];
    return chosen.map((index) => all[index] as MultiRequestItem);
  });

const readItem: fc.Arbitrary<Item> = fc.tuple(fc.constantFrom(OpCode.getData, OpCode.getChildren), reading).map(
  ([type, make]): Item =>
    (scope) => ({ type, request: make(scope) }),
);
const items = (item: fc.Arbitrary<Item>) =>
  fc.array(item, { maxLength: 5 }).map((makes) => (scope: StepScope) => makes.map((make) => make(scope)));

const paths = fc.array(path, { maxLength: 3 });
const watchLists = fc.record({ since: fc.integer({ min: -1, max: 12 }), data: paths, exist: paths, child: paths });
const rewatching = watchLists.map((lists) => (scope: StepScope) => ({
  relativeZxid: scope.baseZxid + BigInt(lists.since),
  dataWatches: lists.data.map((target) => whole(target, scope)),
  existWatches: lists.exist.map((target) => whole(target, scope)),
  childWatches: lists.child.map((target) => whole(target, scope)),
}));
const rewatchingAll = fc.tuple(rewatching, paths, paths).map(([make, persistent, recursive]) => (scope: StepScope) => ({
  ...make(scope),
  persistentWatches: persistent.map((target) => whole(target, scope)),
  persistentRecursiveWatches: recursive.map((target) => whole(target, scope)),
}));
const credential = fc.constantFrom('ann:pw', 'ann:pw', 'bob:pw', 'bob:wrong', 'nocolon', 'super:secret');
const authenticating = fc
  .oneof(
    { weight: 12, arbitrary: credential.map((text) => ({ scheme: 'digest', text })) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('ip', 'world', 'super', 'nonsense').map((scheme) => ({ scheme, text: 'x' })),
    },
  )
  .map(({ scheme, text }) => () => ({ type: 0, scheme, auth: Buffer.from(text) }));

/** Requests that a client may well send. */
export const sound: fc.Arbitrary<Described<Request>> = fc.oneof(
  { weight: 8, arbitrary: request(OpCode.create, CreateRequest, creating) },
  { weight: 8, arbitrary: request(OpCode.create2, CreateRequest, creating) },
  { weight: 2, arbitrary: request(OpCode.createContainer, CreateRequest, creating) },
  { weight: 2, arbitrary: request(OpCode.createTTL, CreateTtlRequest, creatingTtl) },
  { weight: 8, arbitrary: request(OpCode.delete, DeleteRequest, versioned) },
  { weight: 8, arbitrary: request(OpCode.setData, SetDataRequest, setting) },
  { weight: 3, arbitrary: request(OpCode.setACL, SetAclRequest, settingAcl) },
  { weight: 2, arbitrary: request(OpCode.getACL, PathRequest, onPath) },
  { weight: 5, arbitrary: request(OpCode.exists, ReadRequest, reading) },
  { weight: 5, arbitrary: request(OpCode.getData, ReadRequest, reading) },
  { weight: 4, arbitrary: request(OpCode.getChildren, ReadRequest, reading) },
  { weight: 4, arbitrary: request(OpCode.getChildren2, ReadRequest, reading) },
  { weight: 1, arbitrary: request(OpCode.sync, PathRequest, onPath) },
  {
    weight: 1,
    arbitrary: request(
      OpCode.getAllChildrenNumber,
      PathRequest,
      onPath.filter((make) => make({ root: '~', baseZxid: 0n }).path !== '/'),
    ),
  },
  {
    weight: 1,
    arbitrary: request(
      OpCode.getEphemerals,
      GetEphemeralsRequest,
      path.map((target) => (scope: StepScope) => ({ prefixPath: whole(target, scope) })),
    ),
  },
  {
    weight: 5,
    arbitrary: request(
      OpCode.addWatch,
      AddWatchRequest,
      fc
        .record({ path, mode: fc.constantFrom(0, 0, 1, 1, 2) })
        .map((fields) => (scope: StepScope) => ({ ...fields, path: whole(fields.path, scope) })),
    ),
  },
  {
    weight: 2,
    arbitrary: request(
      OpCode.removeWatches,
      RemoveWatchesRequest,
      fc
        .record({ path, type: fc.integer({ min: 0, max: 6 }) })
        .map((fields) => (scope: StepScope) => ({ ...fields, path: whole(fields.path, scope) })),
    ),
  },
  {
    weight: 2,
    arbitrary: request(
      OpCode.checkWatches,
      RemoveWatchesRequest,
      fc
        .record({ path, type: fc.integer({ min: 0, max: 6 }) })
        .map((fields) => (scope: StepScope) => ({ ...fields, path: whole(fields.path, scope) })),
    ),
  },
  { weight: 1, arbitrary: request(OpCode.setWatches, SetWatches, rewatching) },
  { weight: 1, arbitrary: request(OpCode.setWatches2, SetWatches2, rewatchingAll) },
  { weight: 6, arbitrary: request(OpCode.multi, MultiRequest, items(writeItem)) },
  { weight: 6, arbitrary: request(OpCode.multi, MultiRequest, relatedItems) },
  { weight: 1, arbitrary: request(OpCode.multi, MultiRequest, items(fc.oneof(writeItem, readItem))) },
  { weight: 2, arbitrary: request(OpCode.multiRead, MultiRequest, items(readItem)) },
  { weight: 1, arbitrary: request(OpCode.multiRead, MultiRequest, items(fc.oneof(writeItem, readItem))) },
  { weight: 3, arbitrary: request(OpCode.auth, AuthPacket, authenticating) },
  { weight: 1, arbitrary: empty(OpCode.whoAmI) },
  { weight: 1, arbitrary: empty(OpCode.closeSession) },
  {
    weight: 1,
    arbitrary: request(
      OpCode.reconfig,
      ReconfigRequest,
      fc.constant(() => ({ joiningServers: null, leavingServers: '1', newMembers: null, curConfigId: -1n })),
    ),
  },
);

function empty(opCode: number): fc.Arbitrary<Described<Request>> {
  return fc.constant({ value: { kind: 'request', opCode, body: () => Buffer.alloc(0) }, text: `${opCode}` });
}

/** Operations that read their record in one piece: cut short, they are refused, and nothing else. */
const cuttable = new Set<number>([
  1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 14, 15, 16, 17, 18, 19, 21, 22, 101, 103, 104, 105, 106,
]);

/** Requests that no client should send: cut short, too long, of operations that there are not. */
export const unsound: fc.Arbitrary<Described<Request>> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        sound.filter(({ value }) => cuttable.has(value.opCode)),
        fc.integer({ min: 1, max: 30 }),
      )
      .map(([{ value, text }, cut]) => ({
        value: { ...value, body: (scope: StepScope) => value.body(scope).subarray(0, -cut) },
        text: `${text} without its last ${cut} bytes`,
      })),
  },
  {
    weight: 2,
    arbitrary: sound.map(({ value, text }) => ({
      value: { ...value, body: (scope: StepScope) => Buffer.concat([value.body(scope), Buffer.from([1, 2, 3, 4, 5])]) },
      text: `${text} with more behind`,
    })),
  },
  { weight: 1, arbitrary: fc.constantFrom(0, 10, 23, 99, 108, 1000, -1, -5).chain(empty) },
);
