import { type Codec, int, record, ustring } from '../../jute/codec.js';
import { type Acl, AclList } from '../acl.js';
import { OpCode } from '../op-code.js';
import type { Operation } from '../operation.js';
import { Stat } from '../stat.js';
import { PathRequest } from './children.js';

/** `GetACLResponse` of zookeeper.jute. */
export interface GetAclResponse {
  readonly acl: readonly Acl[];
  readonly stat: Stat;
}
export const GetAclResponse: Codec<GetAclResponse> = record({ acl: AclList, stat: Stat });

export const getAcl: Operation<PathRequest, GetAclResponse> = {
  name: 'getAcl',
  opCode: OpCode.getACL,
  request: PathRequest,
  response: GetAclResponse,
  isRead: true,
};

/** `SetACLRequest` of zookeeper.jute. */
export interface SetAclRequest {
  readonly path: string;
  readonly acl: readonly Acl[];
  /** Expected `aversion`; -1 matches any version. */
  readonly version: number;
}
export const SetAclRequest: Codec<SetAclRequest> = record({ path: ustring, acl: AclList, version: int });

export const setAcl: Operation<SetAclRequest, Stat> = {
  name: 'setAcl',
  opCode: OpCode.setACL,
  request: SetAclRequest,
  response: Stat,
};
