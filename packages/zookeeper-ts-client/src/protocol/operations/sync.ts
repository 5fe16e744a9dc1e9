import { nothing } from '../../jute/codec.js';
import { OpCode } from '../op-code.js';
import type { Operation } from '../operation.js';
import { PathRequest } from './children.js';

/** `SyncRequest` and `SyncResponse` of zookeeper.jute; the path that comes back is the one that went out. */
export const sync: Operation<PathRequest, PathRequest> = {
  name: 'sync',
  opCode: OpCode.sync,
  request: PathRequest,
  response: PathRequest,
};

/** Ends the session: its ephemerals go, then the server closes the connection. */
export const closeSession: Operation<void, void> = {
  name: 'closeSession',
  opCode: OpCode.closeSession,
  request: nothing,
  response: nothing,
};
