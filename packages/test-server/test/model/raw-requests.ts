import fc from 'fast-check';
import { OpCode } from 'zookeeper-ts-client/protocol';
import { boolean, bytes, int, long, MULTI_END, record } from '../raw-record.js';
import { anyone, data, entries, flags, path, type StepScope, version, whole } from './materials.js';
import type { Described, Request } from './requests.js';

/** Bytes that are made when the sequence runs. */
type Make = (scope: StepScope) => Buffer;

/** Mostly what a client sends, now and then what none of ours can. */
function field(usual: fc.Arbitrary<Make>, odd: fc.Arbitrary<Make>): fc.Arbitrary<Make> {
  return fc.oneof({ weight: 11, arbitrary: usual }, { weight: 1, arbitrary: odd });
}

function fixed(value: Buffer): Make {
  return () => value;
}

/** The fields of a record, one behind the other. */
function layout(...fields: readonly fc.Arbitrary<Make>[]): fc.Arbitrary<Make> {
  return fc.tuple(...fields).map((makes) => (scope) => record(...makes.map((make) => make(scope))));
}

const noLength = fc.constantFrom(-2, -5, -2_147_483_648, 5_000, 2_147_483_647).map((length) => fixed(int(length)));
const nothing = fc.constant(fixed(int(-1)));
const noString = fc.oneof({ weight: 3, arbitrary: nothing }, { weight: 1, arbitrary: noLength });

const ownPath = path.map(
  (target): Make =>
    (scope) =>
      bytes(whole(target, scope)),
);
const rawPath = field(ownPath, noString);
/** A path that is watched for good. Before 3.9 a server that was once given null for it stumbles over it again and again. */
const watchedPath = field(ownPath, noLength);
const rawData = field(
  data.map((content) => fixed(bytes(content))),
  noLength,
);
const number = (of: fc.Arbitrary<number>) => of.map((value) => fixed(int(value)));
const flag = fc.constantFrom(0, 1, 2, 255).map((byte) => fixed(Buffer.from([byte])));

const scheme = fc.constantFrom('world', 'auth', 'digest', 'ip', 'super', 'nobody', '', null);
const id = fc.constantFrom('anyone', '', 'ann:x', '127.0.0.1', '::1', '::1/64', null, null);
const rawEntry = fc.oneof(
  { weight: 4, arbitrary: entries.map((entry) => fixed(aclBytes(entry.perms, entry.id.scheme, entry.id.id))) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(31, 31, 1), scheme, id).map((entry) => fixed(aclBytes(...entry))),
  },
  { weight: 1, arbitrary: layout(number(fc.constant(31)), noString, noString) },
);
const rawAcl = fc.oneof(
  { weight: 8, arbitrary: fc.constant(fixed(record(int(1), aclBytes(31, anyone.id.scheme, anyone.id.id)))) },
  { weight: 6, arbitrary: list(rawEntry, 1) },
  { weight: 1, arbitrary: noString },
);

function aclBytes(perms: number, ofScheme: string | null, ofId: string | null): Buffer {
  return record(int(perms), bytes(ofScheme), bytes(ofId));
}

/** A list, now and then with a count that its elements belie. */
function list(element: fc.Arbitrary<Make>, minLength = 0): fc.Arbitrary<Make> {
  return fc
    .tuple(fc.array(element, { minLength, maxLength: 3 }), fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 0, 1, -1))
    .map(
      ([makes, more]): Make =>
        (scope) =>
          record(int(makes.length + more), ...makes.map((make) => make(scope))),
    );
}

const create = layout(rawPath, rawData, rawAcl, number(flags));
/** A TTL below 0 for a mode that has none is accepted, and then ends the real server. */
const createTtl = fc.constantFrom(5, 6, 5, 6, 4).chain((mode) => {
  const ttls = [1_000_000n, 0n, 1n << 40n, ...(mode === 4 ? [] : [-1n])];
  const ttl = fc.constantFrom(...ttls).map((value) => fixed(long(value)));
  return layout(rawPath, rawData, rawAcl, number(fc.constant(mode)), ttl);
});
const versioned = layout(rawPath, number(version));
const setData = layout(rawPath, rawData, number(version));
const reading = layout(rawPath, flag);

const inMulti: readonly (readonly [opCode: number, body: fc.Arbitrary<Make>])[] = [
  [OpCode.create, create],
  [OpCode.create2, create],
  [OpCode.createContainer, create],
  [OpCode.createTTL, createTtl],
  [OpCode.delete, versioned],
  [OpCode.setData, setData],
  [OpCode.check, versioned],
];
const inMultiRead: typeof inMulti = [
  [OpCode.getData, reading],
  [OpCode.getChildren, reading],
];

/** Operations with a header each: sometimes with that of another operation, or with the mark of the end. */
function operations(of: typeof inMulti): fc.Arbitrary<Make> {
  const codes = [...inMulti, ...inMultiRead].map(([opCode]) => opCode);
  const item = fc
    .constantFrom(...of)
    .chain(([opCode, body]) =>
      layout(
        field(fc.constant(fixed(int(opCode))), number(fc.constantFrom(...codes, -1, 0, 7, 16, 20, 22, 99))),
        field(fc.constant(fixed(boolean(false))), flag),
        number(fc.constantFrom(-1, 0)),
        body,
      ),
    );
  const end = field(fc.constant(fixed(MULTI_END)), fc.constantFrom(fixed(Buffer.alloc(0)), fixed(int(-1))));
  return fc.tuple(fc.array(item, { maxLength: 4 }), end).map(
    ([makes, last]): Make =>
      (scope) =>
        record(...makes.map((make) => make(scope)), last(scope)),
  );
}

const watchLists = [
  fc.integer({ min: -1, max: 12 }).map(
    (since): Make =>
      ({ baseZxid }) =>
        long(baseZxid + BigInt(since)),
  ),
  ...[0, 1, 2].map(() => field(list(rawPath), noString)),
];
const persistentLists = [0, 1].map(() => field(list(watchedPath), noString));
const credentials = layout(
  number(fc.constant(0)),
  field(
    fc.constantFrom('digest', 'digest', 'ip').map((name) => fixed(bytes(name))),
    fc.oneof(noString, fc.constant(fixed(bytes('')))),
  ),
  field(
    fc.constantFrom('ann:pw', 'bob:pw', '').map((text) => fixed(bytes(text))),
    noString,
  ),
);

/** Every operation with the layout of its record. */
const layouts: readonly (readonly [opCode: number, weight: number, body: fc.Arbitrary<Make>])[] = [
  [OpCode.create, 8, create],
  [OpCode.create2, 8, create],
  [OpCode.createContainer, 2, create],
  [OpCode.createTTL, 2, createTtl],
  [OpCode.delete, 4, versioned],
  [OpCode.setData, 6, setData],
  [OpCode.setACL, 6, layout(rawPath, rawAcl, number(version))],
  [OpCode.exists, 2, reading],
  [OpCode.getData, 2, reading],
  [OpCode.getChildren, 2, reading],
  [OpCode.getChildren2, 2, reading],
  [OpCode.getACL, 2, rawPath],
  [OpCode.sync, 2, rawPath],
  [OpCode.getEphemerals, 2, rawPath],
  [OpCode.addWatch, 2, layout(watchedPath, number(fc.constantFrom(0, 1, 2)))],
  [OpCode.removeWatches, 2, layout(rawPath, number(fc.integer({ min: 0, max: 6 })))],
  [OpCode.checkWatches, 2, layout(rawPath, number(fc.integer({ min: 0, max: 6 })))],
  [OpCode.setWatches, 3, layout(...watchLists)],
  [OpCode.setWatches2, 3, layout(...watchLists, ...persistentLists)],
  [OpCode.multi, 24, operations(inMulti)],
  [OpCode.multi, 2, operations([...inMulti, ...inMultiRead])],
  [OpCode.multiRead, 6, operations(inMultiRead)],
  [OpCode.multiRead, 2, operations([...inMulti, ...inMultiRead])],
  [OpCode.auth, 4, credentials],
  [OpCode.reconfig, 1, layout(noString, noString, noString, fc.constant(fixed(long(-1n))))],
  [OpCode.sasl, 1, field(fc.constant(fixed(bytes('token'))), noString)],
];

function described(opCode: number, make: Make): Described<Request> {
  const hex = make({ root: '~', baseZxid: 0n }).toString('hex');
  return { value: { kind: 'request', opCode, body: make }, text: `${opCode} with the bytes ${hex}` };
}

const ofItsOwn: fc.Arbitrary<Described<Request>> = fc.oneof(
  ...layouts.map(([opCode, weight, body]) => ({ weight, arbitrary: body.map((make) => described(opCode, make)) })),
);
const ofAnother: fc.Arbitrary<Described<Request>> = fc
  .tuple(fc.constantFrom(...layouts.map(([opCode]) => opCode)), fc.constantFrom(...layouts))
  .chain(([opCode, [, , body]]) => body.map((make) => described(opCode, make)));

/** Requests in raw bytes: with nulls and lengths that no codec writes, and with the record of another operation. */
export const raw: fc.Arbitrary<Described<Request>> = fc.oneof(
  { weight: 12, arbitrary: ofItsOwn },
  { weight: 1, arbitrary: ofAnother },
);
