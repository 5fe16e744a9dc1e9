import { type Codec, int, record, ustring, vector } from '../../jute/codec.js';
import { OpCode } from '../op-code.js';
import type { Operation } from '../operation.js';
import { Stat } from '../stat.js';
import { ReadRequest } from './exists.js';

/** `GetChildren2Response` of zookeeper.jute: names of the children (not paths), in no particular order. */
export interface GetChildren2Response {
  readonly children: readonly string[];
  readonly stat: Stat;
}
export const GetChildren2Response: Codec<GetChildren2Response> = record({ children: vector(ustring), stat: Stat });

export const getChildren2: Operation<ReadRequest, GetChildren2Response> = {
  name: 'getChildren',
  opCode: OpCode.getChildren2,
  request: ReadRequest,
  response: GetChildren2Response,
  isRead: true,
};

/** `GetAllChildrenNumberRequest` and `SyncRequest` of zookeeper.jute, which contain only a path. */
export interface PathRequest {
  readonly path: string;
}
export const PathRequest: Codec<PathRequest> = record({ path: ustring });

/** `GetAllChildrenNumberResponse` of zookeeper.jute. */
export interface GetAllChildrenNumberResponse {
  readonly totalNumber: number;
}
export const GetAllChildrenNumberResponse: Codec<GetAllChildrenNumberResponse> = record({ totalNumber: int });

export const getAllChildrenNumber: Operation<PathRequest, GetAllChildrenNumberResponse> = {
  name: 'getAllChildrenNumber',
  opCode: OpCode.getAllChildrenNumber,
  request: PathRequest,
  response: GetAllChildrenNumberResponse,
  isRead: true,
};

/** `GetEphemeralsRequest` of zookeeper.jute. */
export interface GetEphemeralsRequest {
  readonly prefixPath: string;
}
export const GetEphemeralsRequest: Codec<GetEphemeralsRequest> = record({ prefixPath: ustring });

/** `GetEphemeralsResponse` of zookeeper.jute. */
export interface GetEphemeralsResponse {
  readonly ephemerals: readonly string[];
}
export const GetEphemeralsResponse: Codec<GetEphemeralsResponse> = record({ ephemerals: vector(ustring) });

export const getEphemerals: Operation<GetEphemeralsRequest, GetEphemeralsResponse> = {
  name: 'getEphemerals',
  opCode: OpCode.getEphemerals,
  request: GetEphemeralsRequest,
  response: GetEphemeralsResponse,
  isRead: true,
};
