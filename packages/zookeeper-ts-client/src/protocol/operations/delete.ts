import { type Codec, int, nothing, record, ustring } from '../../jute/codec.js';
import { OpCode } from '../op-code.js';
import type { Operation } from '../operation.js';

/** `DeleteRequest` of zookeeper.jute. */
export interface DeleteRequest {
  readonly path: string;
  /** Expected version; -1 matches any version. */
  readonly version: number;
}
export const DeleteRequest: Codec<DeleteRequest> = record({ path: ustring, version: int });

export const deleteNode: Operation<DeleteRequest, void> = {
  name: 'delete',
  opCode: OpCode.delete,
  request: DeleteRequest,
  response: nothing,
};

/** `CheckVersionRequest` of zookeeper.jute. It occurs only inside a `multi`, because servers do not answer it alone. */
export interface CheckVersionRequest {
  readonly path: string;
  /** Expected version; -1 matches any version. */
  readonly version: number;
}
export const CheckVersionRequest: Codec<CheckVersionRequest> = DeleteRequest;
