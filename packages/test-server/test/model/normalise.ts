import {
  type Acl,
  Create2Response,
  CreateResponse,
  EventType,
  GetAclResponse,
  GetAllChildrenNumberResponse,
  GetChildren2Response,
  GetDataResponse,
  GetEphemeralsResponse,
  type JuteReader,
  MultiResponse,
  type MultiResponseItem,
  OpCode,
  Stat,
  WhoAmIResponse,
} from 'zookeeper-ts-client/protocol';
import type { WireReply } from '../wire-client.js';

/** What makes the answers of two servers comparable: where each began to count, and the names of its sessions. */
export interface Frame {
  readonly baseZxid: bigint;
  readonly sessionNames: ReadonlyMap<bigint, string>;
}

/** Something that prints the same for the same behaviour. */
export type Comparable = Readonly<Record<string, unknown>>;

const eventNames = new Map<number, string>(Object.entries(EventType).map(([name, type]) => [type, name]));

/** A reply with its events, without times, and with zxids counted from the beginning of the sequence. */
export function comparable({ reply, events }: WireReply, opCode: number, frame: Frame): Comparable {
  return {
    events: comparableEvents(events, frame),
    reply:
      reply === null
        ? 'end of connection'
        : {
            xid: reply.xid,
            zxid: zxid(reply.zxid, frame),
            err: reply.err,
            record: hasRecord(opCode, reply.err, reply.bytes)
              ? record(opCode, reply.body, frame)
              : reply.bytes.toString('hex'),
          },
  };
}

/** Events in their order. */
export function comparableEvents(events: WireReply['events'], frame: Frame): readonly string[] {
  return events.map(
    (event) => `${eventNames.get(event.type)} ${event.path} ${event.state} at ${zxid(event.zxid, frame)}`,
  );
}

function zxid(value: bigint, { baseZxid }: Frame): string {
  return value <= 0n ? `${value}` : `base+${value - baseZxid}`;
}

function stat({ ctime, mtime, ephemeralOwner, czxid, mzxid, pzxid, ...rest }: Stat, frame: Frame): Comparable {
  return {
    ...rest,
    ...{ czxid: zxid(czxid, frame), mzxid: zxid(mzxid, frame), pzxid: zxid(pzxid, frame) },
    isChangedLater: mtime < ctime ? 'before it was created' : 'fine',
    ephemeralOwner: ephemeralOwner === 0n ? '0' : (frame.sessionNames.get(ephemeralOwner) ?? 'a stranger'),
  };
}

/** The real server keeps identities in a hash table: their order is its own affair. */
function sorted(entries: readonly string[]): readonly string[] {
  return [...entries].sort();
}

function aclText(acl: readonly Acl[]): readonly string[] {
  return sorted(acl.map(({ perms, id }) => `${id.scheme}:${id.id}:${perms}`));
}

function multiItem(item: MultiResponseItem, frame: Frame): Comparable {
  switch (item.type) {
    case 'create':
      return { ...item, stat: item.stat && stat(item.stat, frame) };
    case 'setData':
      return { ...item, stat: stat(item.stat, frame) };
    case 'getData':
      return { ...item, data: item.data?.toString('hex') ?? null, stat: stat(item.stat, frame) };
    case 'getChildren':
      return { ...item, children: sorted(item.children) };
    default:
      return item;
  }
}

const readers: ReadonlyMap<number, (reader: JuteReader, frame: Frame) => unknown> = new Map<
  number,
  (reader: JuteReader, frame: Frame) => unknown
>([
  [OpCode.create, (reader) => CreateResponse.read(reader)],
  ...[OpCode.create2, OpCode.createContainer, OpCode.createTTL].map(
    (opCode) => [opCode, create2] as [number, typeof create2],
  ),
  [OpCode.exists, (reader, frame) => stat(Stat.read(reader), frame)],
  [OpCode.setData, (reader, frame) => stat(Stat.read(reader), frame)],
  [OpCode.setACL, (reader, frame) => stat(Stat.read(reader), frame)],
  [
    OpCode.getData,
    (reader, frame) => {
      const { data, stat: own } = GetDataResponse.read(reader);
      return { data: data?.toString('hex') ?? null, stat: stat(own, frame) };
    },
  ],
  [
    OpCode.getACL,
    (reader, frame) => {
      const { acl, stat: own } = GetAclResponse.read(reader);
      return { acl: aclText(acl), stat: stat(own, frame) };
    },
  ],
  [OpCode.getChildren, (reader) => sorted(reader.vector((inner) => inner.ustring() ?? 'null') ?? ['none'])],
  [
    OpCode.getChildren2,
    (reader, frame) => {
      const { children, stat: own } = GetChildren2Response.read(reader);
      return { children: sorted(children), stat: stat(own, frame) };
    },
  ],
  [OpCode.getEphemerals, (reader) => sorted(GetEphemeralsResponse.read(reader).ephemerals)],
  [OpCode.getAllChildrenNumber, (reader) => GetAllChildrenNumberResponse.read(reader).totalNumber],
  [
    OpCode.whoAmI,
    (reader) => sorted(WhoAmIResponse.read(reader).clientInfo.map(({ authScheme, user }) => `${authScheme}:${user}`)),
  ],
  [OpCode.multi, (reader, frame) => MultiResponse.read(reader).map((item) => multiItem(item, frame))],
  [OpCode.multiRead, (reader, frame) => MultiResponse.read(reader).map((item) => multiItem(item, frame))],
]);

function create2(reader: JuteReader, frame: Frame): unknown {
  const { path, stat: own } = Create2Response.read(reader);
  return { path, stat: stat(own, frame) };
}

/** Whether a record of the operation is behind the header: also behind the error of a `multiRead` that was noticed while it was answered. */
function hasRecord(opCode: number, error: number, bytes: Buffer): boolean {
  return error === 0 || (opCode === OpCode.multiRead && bytes.length > 0);
}

function record(opCode: number, reader: JuteReader, frame: Frame): unknown {
  const read = readers.get(opCode);
  const value = read === undefined ? 'bytes' : read(reader, frame);
  const rest = Array.from({ length: reader.remaining }, () => (reader.boolean() ? 'x' : '0')).join('');
  return { value, rest };
}
