import { buffer, type Codec, int, millis, record, ustring } from '../../jute/codec.js';
import { type Acl, AclList } from '../acl.js';
import { OpCode } from '../op-code.js';
import type { Operation } from '../operation.js';
import { Stat } from '../stat.js';

/** `CreateRequest` of zookeeper.jute. */
export interface CreateRequest {
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[];
  /** Kind of the znode: 0 persistent, 1 ephemeral, 2 persistent sequential, 3 ephemeral sequential, 4 container. */
  readonly flags: number;
}
export const CreateRequest: Codec<CreateRequest> = record({ path: ustring, data: buffer, acl: AclList, flags: int });

/** `CreateTTLRequest` of zookeeper.jute. */
export interface CreateTtlRequest extends CreateRequest {
  /** Time to live in milliseconds, 1 to 2^40-1. */
  readonly ttl: number;
}
export const CreateTtlRequest: Codec<CreateTtlRequest> = record({
  path: ustring,
  data: buffer,
  acl: AclList,
  flags: int,
  ttl: millis,
});

/** `CreateResponse` of zookeeper.jute. */
export interface CreateResponse {
  readonly path: string;
}
export const CreateResponse: Codec<CreateResponse> = record({ path: ustring });

/** `Create2Response` of zookeeper.jute. */
export interface Create2Response {
  readonly path: string;
  readonly stat: Stat;
}
export const Create2Response: Codec<Create2Response> = record({ path: ustring, stat: Stat });

export const create2: Operation<CreateRequest, Create2Response> = {
  name: 'create',
  opCode: OpCode.create2,
  request: CreateRequest,
  response: Create2Response,
};

/** Operation that creates a container. The operation code makes the znode a container; the flag does not. */
export const createContainer: Operation<CreateRequest, Create2Response> = {
  name: 'create',
  opCode: OpCode.createContainer,
  request: CreateRequest,
  response: Create2Response,
};

export const createTtl: Operation<CreateTtlRequest, Create2Response> = {
  name: 'create',
  opCode: OpCode.createTTL,
  request: CreateTtlRequest,
  response: Create2Response,
};
