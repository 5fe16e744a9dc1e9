import { type Encoder, ErrorCode, type JuteReader } from 'zookeeper-ts-client/protocol';
import { authenticate } from './access-control.js';
import { type Answer, DONE, refusal, success } from './answer.js';
import type { Client } from './client.js';
import { present } from './request-records.js';

/** A token, which is null where there is no SASL. */
const Token: Encoder<null> = { write: (writer) => writer.buffer(null) };

/** Takes a credential of `addauth`: an unknown scheme is refused, whatever the words of a known one. */
export function answerAuth(reader: JuteReader, client: Client, superDigest: string | null): Answer {
  reader.int();
  const identities = authenticate(reader.ustring(), reader.buffer(), superDigest);
  if (identities === null) return refusal(ErrorCode.AUTHFAILED);
  client.identify(identities);
  return DONE;
}

/** Answers as a server that has no SASL: with a null token. @throws {MarshallingError} when the client's token is null or malformed */
export function answerSasl(reader: JuteReader): Answer {
  present(reader.buffer());
  return success(Token, null);
}
