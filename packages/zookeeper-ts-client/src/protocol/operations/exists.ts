import { boolean, type Codec, record, ustring } from '../../jute/codec.js';
import { OpCode } from '../op-code.js';
import type { Operation } from '../operation.js';
import { Stat } from '../stat.js';

/** `ExistsRequest`, `GetDataRequest`, `GetChildrenRequest` and `GetChildren2Request` of zookeeper.jute, which have the same fields. */
export interface ReadRequest {
  readonly path: string;
  /** Whether the server sets a one-shot watch. */
  readonly watch: boolean;
}
export const ReadRequest: Codec<ReadRequest> = record({ path: ustring, watch: boolean });

export const exists: Operation<ReadRequest, Stat> = {
  name: 'exists',
  opCode: OpCode.exists,
  request: ReadRequest,
  response: Stat,
  isRead: true,
};
