import fc from 'fast-check';
import {
  type Acl,
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
  SpecialXid,
} from 'zookeeper-ts-client/protocol';
import { digestOf } from '../../src/access-control.js';
import { encoded } from '../wire-client.js';

/** What a sequence of the model test is bound to when it runs. */
export interface StepScope {
  /** A path that only this sequence uses; the paths of its steps lie below. */
  readonly root: string;
  /** The server's last transaction when the sequence began. */
  readonly baseZxid: bigint;
}

/** One thing that a session does. */
export interface Step {
  /** Which of the sequence's sessions does it. */
  readonly session: number;
  readonly action:
    | { readonly kind: 'request'; readonly opCode: number; readonly body: (scope: StepScope) => Buffer }
    /** Breaks the connection and resumes the session. */
    | { readonly kind: 'reconnect' };
  /** For the report of a failure. */
  readonly description: string;
}

type Request = Step['action'] & { readonly kind: 'request' };

const SESSIONS = 3;

/** Paths below the root of a sequence; few, so that the steps meet. */
const goodPath = fc.constantFrom('/a', '/b', '/a/x', '/a/y', '/b/x', '/a/x/z');
const oddPath = fc.constantFrom('', '/', '/a/', '//b', '/a/./x', '/a/..', '/a\u0001', '/a\u0000', '/ü', '/a/x/z/w/v');
const relativePath = fc.oneof({ weight: 12, arbitrary: goodPath }, { weight: 1, arbitrary: oddPath });
/** A path as it is sent: mostly below the root of the sequence. */
const path = fc.oneof(
  { weight: 30, arbitrary: relativePath.map((below) => ({ below, isAbsolute: false })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('', 'a', 'a/b', '/zookeeper/config', '/zookeeper/quota', '/missing/x', '/zookeeper')
      .map((below) => ({ below, isAbsolute: true })),
  },
);
type Path = typeof path extends fc.Arbitrary<infer T> ? T : never;
const whole = ({ below, isAbsolute }: Path, { root }: StepScope) => (isAbsolute ? below : root + below);

const entry = (perms: number, scheme: string, id: string): Acl => ({ perms, id: { scheme, id } });
const anyone = entry(31, 'world', 'anyone');
const entries = fc.constantFrom(
  anyone,
  entry(1, 'world', 'anyone'),
  entry(30, 'world', 'anyone'),
  entry(15, 'world', 'anyone'),
  entry(31, 'auth', ''),
  entry(31, 'digest', digestOf('ann:pw')),
  entry(1, 'digest', digestOf('bob:pw')),
  entry(31, 'ip', '127.0.0.1'),
  entry(31, 'ip', '10.0.0.0/8'),
  entry(7, 'ip', '127.0.0.0/8'),
  entry(0, 'world', 'anyone'),
);
const badEntries = fc.constantFrom(
  entry(31, 'world', 'someone'),
  entry(31, 'nobody', 'x'),
  entry(31, 'digest', 'ann'),
  entry(31, 'digest', 'ann:'),
  entry(31, 'digest', ':x:'),
  entry(31, 'ip', '1.2.3'),
  entry(31, 'ip', '1.2.3.4/33'),
  entry(31, 'ip', '1.2.3.400'),
);
const acl = fc.oneof(
  { weight: 14, arbitrary: fc.constant([anyone]) },
  { weight: 6, arbitrary: fc.array(entries, { minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.array(fc.oneof(entries, badEntries), { maxLength: 2 }) },
);

const data = fc.option(
  fc.string({ maxLength: 6 }).map((text) => Buffer.from(text)),
  { freq: 6 },
);
const version = fc.oneof(
  { weight: 5, arbitrary: fc.constant(-1) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 3 }) },
);
const flags = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(0, 0, 0, 1, 1, 2, 3) },
  { weight: 1, arbitrary: fc.constantFrom(4, 5, 6, 7, -1) },
);
const ttl = fc.constantFrom(1_000_000, 0, -1, 0xff_ffff_ffff, 0x100_0000_0000);

interface Described<T> {
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

const sound: fc.Arbitrary<Described<Request>> = fc.oneof(
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
  { weight: 8, arbitrary: request(OpCode.multi, MultiRequest, items(writeItem)) },
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

const unsound: fc.Arbitrary<Described<Request>> = fc.oneof(
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

const action: fc.Arbitrary<Described<Step['action']>> = fc.oneof(
  { weight: 30, arbitrary: sound },
  { weight: 1, arbitrary: unsound },
  { weight: 1, arbitrary: fc.constant({ value: { kind: 'reconnect' } as const, text: 'reconnect' }) },
);

/** Znodes to begin with, so that there is something to meet: parents first. */
const beginnings: fc.Arbitrary<readonly Step[]> = fc
  .tuple(
    fc.subarray(['/a', '/b', '/a/x', '/a/y', '/b/x', '/a/x/z']),
    fc.array(fc.record({ session: fc.nat(SESSIONS - 1), isEphemeral: fc.boolean(), data }), {
      minLength: 6,
      maxLength: 6,
    }),
  )
  .map(([below, details]) =>
    below.map((path, index): Step => {
      const { session = 0, isEphemeral = false, data: content = null } = details[index] ?? {};
      const flags = isEphemeral && path.length > 2 ? 1 : 0;
      const body = ({ root }: StepScope) =>
        encoded(CreateRequest, { path: root + path, data: content, acl: [anyone], flags });
      const description = `${session}: create ${path} with flags ${flags}`;
      return { session, action: { kind: 'request', opCode: OpCode.create, body }, description };
    }),
  );

/** What several sessions do, one step after the other. */
export const sequences: fc.Arbitrary<readonly Step[]> = fc
  .tuple(
    beginnings,
    fc.array(
      fc
        .tuple(fc.nat(SESSIONS - 1), action)
        .map(([session, { value, text }]): Step => ({ session, action: value, description: `${session}: ${text}` })),
      { minLength: 8, maxLength: 24, size: 'max' },
    ),
  )
  .map(([begun, steps]) => [...begun, ...steps]);

/** The xid for a request, for those that have one of their own. */
export function xidOf(opCode: number): number | undefined {
  return opCode === OpCode.auth ? SpecialXid.auth : undefined;
}

export { SESSIONS };
