import { type Codec, long, nullableString, record } from '../../jute/codec.js';
import { OpCode } from '../op-code.js';
import type { Operation } from '../operation.js';
import { GetDataResponse } from './data.js';

/** Where an ensemble keeps its configuration; absolute, also for a client with a chroot. */
export const CONFIG_NODE = '/zookeeper/config';

/** `ReconfigRequest` of zookeeper.jute; strings that do not apply are null. */
export interface ReconfigRequest {
  readonly joiningServers: string | null;
  readonly leavingServers: string | null;
  readonly newMembers: string | null;
  /** The configuration's version that the change is meant for; -1 for any. */
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
