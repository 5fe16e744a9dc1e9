import { nothing } from '../../jute/codec.js';
import { OpCode } from '../op-code.js';
import type { Operation } from '../operation.js';
import { PathRequest } from './children.js';

/** Operation `sync`: `SyncRequest` and `SyncResponse` of zookeeper.jute. The response contains the path of the request. */
export const sync: Operation<PathRequest, PathRequest> = {
  name: 'sync',
  opCode: OpCode.sync,
  request: PathRequest,
  response: PathRequest,
};

/** Operation that ends the session: the server deletes the session's ephemerals, then closes the connection. */
export const closeSession: Operation<void, void> = {
  name: 'closeSession',
  opCode: OpCode.closeSession,
  request: nothing,
  response: nothing,
};
