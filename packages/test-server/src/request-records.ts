import { type JuteReader, MarshallingError } from 'zookeeper-ts-client/protocol';

/*
 * Requests as the real server reads them. It accepts more than this project's client sends: any string and any list may be null, and a list with a
 * negative length other than -1 is empty. The code that uses a value decides whether null is an error.
 */

/** `Id` of zookeeper.jute, as received. */
interface GivenId {
  readonly scheme: string | null;
  readonly id: string | null;
}

/** `ACL` of zookeeper.jute, as received. */
export interface GivenAcl {
  readonly perms: number;
  readonly id: GivenId;
}

/** `CreateRequest` and `CreateTTLRequest` of zookeeper.jute, as received. */
export interface GivenCreate {
  readonly path: string | null;
  readonly data: Buffer | null;
  readonly acl: readonly GivenAcl[] | null;
  readonly flags: number;
  /** TTL in milliseconds; -1 for a request without a TTL. */
  readonly ttl: number;
}

/** `DeleteRequest` and `CheckVersionRequest` of zookeeper.jute, as received. */
export interface GivenVersion {
  readonly path: string | null;
  readonly version: number;
}

/** `SetDataRequest` of zookeeper.jute, as received. */
export interface GivenData extends GivenVersion {
  readonly data: Buffer | null;
}

/** `SetACLRequest` of zookeeper.jute, as received. */
export interface GivenSetAcl extends GivenVersion {
  readonly acl: readonly GivenAcl[] | null;
}

/** `ExistsRequest`, `GetDataRequest` and `GetChildrenRequest` of zookeeper.jute, as received. */
export interface GivenRead {
  readonly path: string | null;
  readonly watch: boolean;
}

/** `AddWatchRequest`, `RemoveWatchesRequest` and `CheckWatchesRequest` of zookeeper.jute, as received. */
export interface GivenWatch {
  readonly path: string | null;
  /** Mode of a new watch, or kind of the watches to check or remove. */
  readonly kind: number;
}

/** Null value that the server did not expect. The real server fails on it, and answers as for a malformed record. */
export class UnexpectedNullError extends MarshallingError {}

/** Returns a value that must not be null. @throws {UnexpectedNullError} when the value is null */
export function present<T>(value: T | null): T {
  if (value === null) throw new UnexpectedNullError('Expected a value, got null');
  return value;
}

/** Reads a create. The TTL, if there is one, follows the other fields. */
export function readCreate(reader: JuteReader): GivenCreate {
  return { path: reader.ustring(), data: reader.buffer(), acl: readAcl(reader), flags: reader.int(), ttl: -1 };
}

/** Reads a create with a time to live. */
export function readCreateTtl(reader: JuteReader): GivenCreate {
  return { ...readCreate(reader), ttl: reader.longAsNumber() };
}

/** Reads a delete or a check. */
export function readVersion(reader: JuteReader): GivenVersion {
  return { path: reader.ustring(), version: reader.int() };
}

/** Reads a change of data. */
export function readSetData(reader: JuteReader): GivenData {
  return { path: reader.ustring(), data: reader.buffer(), version: reader.int() };
}

/** Reads a change of an ACL. */
export function readSetAcl(reader: JuteReader): GivenSetAcl {
  return { path: reader.ustring(), acl: readAcl(reader), version: reader.int() };
}

/** Reads a request that reads a znode and may set a watch. */
export function readRead(reader: JuteReader): GivenRead {
  return { path: reader.ustring(), watch: reader.boolean() };
}

/** Reads a request about watches. */
export function readWatch(reader: JuteReader): GivenWatch {
  return { path: reader.ustring(), kind: reader.int() };
}

/** Reads a list of paths. */
export function readPaths(reader: JuteReader): readonly (string | null)[] | null {
  return readList(reader, (inner) => inner.ustring());
}

function readAcl(reader: JuteReader): readonly GivenAcl[] | null {
  return readList(reader, (inner) => {
    return { perms: inner.int(), id: { scheme: inner.ustring(), id: inner.ustring() } };
  });
}

function readList<T>(reader: JuteReader, element: (reader: JuteReader) => T): readonly T[] | null {
  const count = reader.peek((ahead) => ahead.int());
  if (count >= -1) return reader.vector(element);
  reader.int();
  return [];
}
