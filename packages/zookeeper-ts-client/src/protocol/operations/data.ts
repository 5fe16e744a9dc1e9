import { buffer, type Codec, data, int, record, ustring } from '../../jute/codec.js';
import { OpCode } from '../op-code.js';
import type { Operation } from '../operation.js';
import { Stat } from '../stat.js';
import { ReadRequest } from './exists.js';

/** `GetDataResponse` of zookeeper.jute. */
export interface GetDataResponse {
  readonly data: Buffer | null;
  readonly stat: Stat;
}
export const GetDataResponse: Codec<GetDataResponse> = record({ data, stat: Stat });

export const getData: Operation<ReadRequest, GetDataResponse> = {
  name: 'getData',
  opCode: OpCode.getData,
  request: ReadRequest,
  response: GetDataResponse,
  isRead: true,
};

/** `SetDataRequest` of zookeeper.jute. */
export interface SetDataRequest {
  readonly path: string;
  readonly data: Uint8Array | null;
  /** Expected version; -1 matches any version. */
  readonly version: number;
}
export const SetDataRequest: Codec<SetDataRequest> = record({ path: ustring, data: buffer, version: int });

export const setData: Operation<SetDataRequest, Stat> = {
  name: 'setData',
  opCode: OpCode.setData,
  request: SetDataRequest,
  response: Stat,
};
