import { buffer, type Codec, int, nothing, record, ustring, vector } from '../../jute/codec.js';
import { OpCode } from '../op-code.js';
import type { Operation } from '../operation.js';

/** `AuthPacket` of zookeeper.jute. */
export interface AuthPacket {
  /** Type of the packet; always 0. */
  readonly type: number;
  readonly scheme: string;
  readonly auth: Uint8Array | null;
}
export const AuthPacket: Codec<AuthPacket> = record({ type: int, scheme: ustring, auth: buffer });

/** `ClientInfo` of zookeeper.jute: one identity of the connection. */
export interface ClientInfo {
  readonly authScheme: string;
  /** User part of the id; never a hash. */
  readonly user: string;
}
export const ClientInfo: Codec<ClientInfo> = record({ authScheme: ustring, user: ustring });

/** `WhoAmIResponse` of zookeeper.jute. */
export interface WhoAmIResponse {
  readonly clientInfo: readonly ClientInfo[];
}
export const WhoAmIResponse: Codec<WhoAmIResponse> = record({ clientInfo: vector(ClientInfo) });

export const whoAmI: Operation<void, WhoAmIResponse> = {
  name: 'whoAmI',
  opCode: OpCode.whoAmI,
  request: nothing,
  response: WhoAmIResponse,
  isRead: true,
};
