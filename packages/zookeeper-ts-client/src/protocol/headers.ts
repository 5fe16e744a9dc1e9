import { type Codec, int, long, record } from '../jute/codec.js';

/** `RequestHeader` of zookeeper.jute: begins every frame of the client but the first. */
export interface RequestHeader {
  readonly xid: number;
  readonly type: number;
}
export const RequestHeader: Codec<RequestHeader> = record({ xid: int, type: int });

/** `ReplyHeader` of zookeeper.jute: begins every frame of the server but the first. */
export interface ReplyHeader {
  readonly xid: number;
  /** Last transaction that the server had applied. */
  readonly zxid: bigint;
  readonly err: number;
}
export const ReplyHeader: Codec<ReplyHeader> = record({ xid: int, zxid: long, err: int });

/** The xids that do not number a request. */
export const SpecialXid = { notification: -1, ping: -2, auth: -4 } as const;

/** The last xid before the numbers begin again at 1. */
export const MAX_XID = 0x7fff_ffff;
