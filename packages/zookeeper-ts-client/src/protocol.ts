/**
 * Wire protocol of ZooKeeper: codecs for servers, proxies and tools that communicate with ZooKeeper or with its clients.
 *
 * @packageDocumentation
 */

export { ErrorCode, errorName } from './errors/error-code.js';
// Encoding
export { MarshallingError } from './errors/errors.js';
export { type Codec, type Decoded, type Decoder, type Encoder, record } from './jute/codec.js';
export { JuteReader } from './jute/reader.js';
export { JuteWriter } from './jute/writer.js';
// Records
export { Acl, AclList, Id } from './protocol/acl.js';
// Frames
export { DEFAULT_MAX_FRAME_BYTES, FRAME_HEADER_BYTES, FrameDecoder } from './protocol/frame.js';
export { ConnectRequest, ConnectResponse, MIN_CONNECT_RESPONSE_BYTES, PASSWORD_BYTES } from './protocol/handshake.js';
export { MAX_XID, ReplyHeader, RequestHeader, SpecialXid } from './protocol/headers.js';
export { OpCode } from './protocol/op-code.js';
export { GetAclResponse, SetAclRequest } from './protocol/operations/acl.js';
export { AuthPacket, ClientInfo, WhoAmIResponse } from './protocol/operations/auth.js';
export {
  GetAllChildrenNumberResponse,
  GetChildren2Response,
  GetEphemeralsRequest,
  GetEphemeralsResponse,
  PathRequest,
} from './protocol/operations/children.js';
export { Create2Response, CreateRequest, CreateResponse, CreateTtlRequest } from './protocol/operations/create.js';
export { GetDataResponse, SetDataRequest } from './protocol/operations/data.js';
export { CheckVersionRequest, DeleteRequest } from './protocol/operations/delete.js';
export { ReadRequest } from './protocol/operations/exists.js';
export {
  MultiHeader,
  MultiRequest,
  type MultiRequestItem,
  MultiResponse,
  type MultiResponseItem,
} from './protocol/operations/multi.js';
export { CONFIG_NODE, ReconfigRequest } from './protocol/operations/reconfig.js';
export { AddWatchRequest, RemoveWatchesRequest, SetWatches, SetWatches2 } from './protocol/operations/watches.js';
export { Stat } from './protocol/stat.js';
export { EventType, WatcherEvent } from './protocol/watcher-event.js';
// Rules
export { validatePath } from './protocol/znode-path.js';
