import { type Codec, int, long, record } from '../jute/codec.js';

/** `RequestHeader` of zookeeper.jute: begins every frame that the client sends, except the first. */
export interface RequestHeader {
  readonly xid: number;
  readonly type: number;
}
export const RequestHeader: Codec<RequestHeader> = record({ xid: int, type: int });

/** `ReplyHeader` of zookeeper.jute: begins every frame that the server sends, except the first. */
export interface ReplyHeader {
  readonly xid: number;
  /** Zxid of the last transaction that the server had applied. */
  readonly zxid: bigint;
  readonly err: number;
}
export const ReplyHeader: Codec<ReplyHeader> = record({ xid: int, zxid: long, err: int });

/** Xids that do not number a request. */
export const SpecialXid = { notification: -1, ping: -2, auth: -4 } as const;

/** Largest xid; the next xid is 1 again. */
export const MAX_XID = 0x7fff_ffff;
