import { type Encoder, ErrorCode, type JuteReader } from 'zookeeper-ts-client/protocol';
import { authenticate } from './access-control.js';
import { type Answer, DONE, refusal, success } from './answer.js';
import type { Client } from './client.js';
import { present } from './request-records.js';

/** Encoder of a token, which is null without SASL. */
const Token: Encoder<null> = { write: (writer) => writer.buffer(null) };

/** Handles a credential of `addauth`. Refuses an unknown scheme, and accepts every credential of a known scheme. */
export function answerAuth(reader: JuteReader, client: Client, superDigest: string | null): Answer {
  reader.int();
  const identities = authenticate(reader.ustring(), reader.buffer(), superDigest);
  if (identities === null) return refusal(ErrorCode.AUTHFAILED);
  client.identify(identities);
  return DONE;
}

/** Answers like a server without SASL: with a null token. @throws {MarshallingError} when the client's token is null or malformed */
export function answerSasl(reader: JuteReader): Answer {
  present(reader.buffer());
  return success(Token, null);
}
