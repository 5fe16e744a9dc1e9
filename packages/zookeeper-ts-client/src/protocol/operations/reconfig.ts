import { type Codec, long, nullableString, record } from '../../jute/codec.js';
import { OpCode } from '../op-code.js';
import type { Operation } from '../operation.js';
import { GetDataResponse } from './data.js';

/** Absolute path of the znode with the configuration of the ensemble. A chroot does not change this path. */
export const CONFIG_NODE = '/zookeeper/config';

/** `ReconfigRequest` of zookeeper.jute. Strings that do not apply are `null`. */
export interface ReconfigRequest {
  readonly joiningServers: string | null;
  readonly leavingServers: string | null;
  readonly newMembers: string | null;
  /** Version of the configuration that the change requires; -1 matches any version. */
  readonly curConfigId: bigint;
}
export const ReconfigRequest: Codec<ReconfigRequest> = record({
  joiningServers: nullableString,
  leavingServers: nullableString,
  newMembers: nullableString,
  curConfigId: long,
});

export const reconfig: Operation<ReconfigRequest, GetDataResponse> = {
  name: 'reconfig',
  opCode: OpCode.reconfig,
  request: ReconfigRequest,
  response: GetDataResponse,
};
