import {
  type Acl,
  AddWatchRequest,
  AuthPacket,
  Create2Response,
  CreateRequest,
  CreateResponse,
  CreateTtlRequest,
  type Decoder,
  DeleteRequest,
  type Encoder,
  GetAclResponse,
  GetChildren2Response,
  GetDataResponse,
  MultiRequest,
  type MultiRequestItem,
  MultiResponse,
  type MultiResponseItem,
  OpCode,
  PathRequest,
  ReadRequest,
  RemoveWatchesRequest,
  SetAclRequest,
  SetDataRequest,
  SpecialXid,
  Stat,
} from 'zookeeper-ts-client/protocol';
import type { WireClient } from '../wire-client.js';

/** Everything for everybody. */
export const OPEN: readonly Acl[] = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];

/** What came of a request: an error code, or a record; and the events before it. */
export interface Outcome<T> {
  readonly err: number;
  readonly zxid: bigint;
  readonly value: T | null;
  /** `type path`, in their order. */
  readonly events: readonly string[];
}

/** Sends a request and reads its reply. @throws Error when the connection ends instead */
export async function call<Q, R>(
  client: WireClient,
  opCode: number,
  codec: Encoder<Q>,
  request: Q,
  response: Decoder<R> | null = null,
  xid?: number,
): Promise<Outcome<R>> {
  const { reply, events } = await client.call(opCode, codec, request, xid);
  if (reply === null) throw new Error(`The connection ended instead of a reply to ${opCode}`);
  const value = reply.err === 0 && response !== null ? response.read(reply.body) : null;
  return { err: reply.err, zxid: reply.zxid, value, events: events.map(({ type, path }) => `${type} ${path}`) };
}

/** What a create may say besides the path. */
export interface CreateOptions {
  readonly data?: Uint8Array | null;
  readonly acl?: readonly Acl[];
  readonly flags?: number;
  readonly opCode?: typeof OpCode.create2 | typeof OpCode.createContainer;
}

export function create(
  client: WireClient,
  path: string,
  options: CreateOptions = {},
): Promise<Outcome<Create2Response>> {
  const { data = null, acl = OPEN, flags = 0, opCode = OpCode.create2 } = options;
  return call(client, opCode, CreateRequest, { path, data, acl, flags }, Create2Response);
}

export function createPlain(client: WireClient, path: string, flags = 0): Promise<Outcome<CreateResponse>> {
  return call(client, OpCode.create, CreateRequest, { path, data: null, acl: OPEN, flags }, CreateResponse);
}

export function createTtl(client: WireClient, path: string, ttl: number, flags = 5): Promise<Outcome<Create2Response>> {
  const request = { path, data: null, acl: OPEN, flags, ttl };
  return call(client, OpCode.createTTL, CreateTtlRequest, request, Create2Response);
}

export function remove(client: WireClient, path: string, version = -1): Promise<Outcome<never>> {
  return call(client, OpCode.delete, DeleteRequest, { path, version });
}

export function setData(client: WireClient, path: string, text: string, version = -1): Promise<Outcome<Stat>> {
  return call(client, OpCode.setData, SetDataRequest, { path, data: Buffer.from(text), version }, Stat);
}

export function getData(client: WireClient, path: string, watch = false): Promise<Outcome<GetDataResponse>> {
  return call(client, OpCode.getData, ReadRequest, { path, watch }, GetDataResponse);
}

export function exists(client: WireClient, path: string, watch = false): Promise<Outcome<Stat>> {
  return call(client, OpCode.exists, ReadRequest, { path, watch }, Stat);
}

export function getChildren(client: WireClient, path: string, watch = false): Promise<Outcome<GetChildren2Response>> {
  return call(client, OpCode.getChildren2, ReadRequest, { path, watch }, GetChildren2Response);
}

export function getAcl(client: WireClient, path: string): Promise<Outcome<GetAclResponse>> {
  return call(client, OpCode.getACL, PathRequest, { path }, GetAclResponse);
}

export function setAcl(client: WireClient, path: string, acl: readonly Acl[], version = -1): Promise<Outcome<Stat>> {
  return call(client, OpCode.setACL, SetAclRequest, { path, acl, version }, Stat);
}

export function addWatch(client: WireClient, path: string, mode: number): Promise<Outcome<never>> {
  return call(client, OpCode.addWatch, AddWatchRequest, { path, mode });
}

export function removeWatches(client: WireClient, path: string, type: number): Promise<Outcome<never>> {
  return call(client, OpCode.removeWatches, RemoveWatchesRequest, { path, type });
}

export function multi(
  client: WireClient,
  items: readonly MultiRequestItem[],
  opCode: number = OpCode.multi,
): Promise<Outcome<readonly MultiResponseItem[]>> {
  return call(client, opCode, MultiRequest, items, MultiResponse);
}

export function addAuth(client: WireClient, scheme: string, text: string): Promise<Outcome<never>> {
  return call(client, OpCode.auth, AuthPacket, { type: 0, scheme, auth: Buffer.from(text) }, null, SpecialXid.auth);
}

/** Events that a client was sent so far: `type path`, in their order. */
export async function eventsOf(client: WireClient): Promise<readonly string[]> {
  return (await client.events()).map(({ type, path }) => `${type} ${path}`);
}
