import { ConnectResponse, type JuteWriter, PASSWORD_BYTES } from 'zookeeper-ts-client/protocol';
import type { Session } from './sessions.js';

/**
 * Writes the reply to a handshake.
 *
 * @param session `null` when the requested session is over
 * @param withReadOnly whether the client sent its read-only flag, and therefore expects the server's flag
 */
export function writeConnectResponse(writer: JuteWriter, session: Session | null, withReadOnly: boolean): void {
  const response: ConnectResponse = {
    protocolVersion: 0,
    timeOut: session?.timeoutMs ?? 0,
    sessionId: session?.id ?? 0n,
    passwd: session?.password ?? Buffer.alloc(PASSWORD_BYTES),
    readOnly: false,
  };
  if (withReadOnly) {
    ConnectResponse.write(writer, response);
    return;
  }
  writer.int(response.protocolVersion);
  writer.int(response.timeOut);
  writer.long(response.sessionId);
  writer.buffer(response.passwd);
}
