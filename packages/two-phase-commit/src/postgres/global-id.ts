import { createHash } from 'node:crypto';
import type { ParticipantTransaction } from '../participant-options.js';

/** Longest identifier of a prepared transaction, in bytes: PostgreSQL's 200 including the zero at its end. */
const MAX_BYTES = 199;

/** Pattern of names that are used unchanged. Other names are replaced by a hash, which fits every encoding of the database. */
const PLAIN = /^[\w.-]{1,100}$/;

/** Returns an identifier that differs between the participants of a transaction, even if all of them use one PostgreSQL. */
export function globalIdOf({ participant, id }: ParticipantTransaction<unknown>): string {
  return `${prefixOf(participant)}${id}`;
}

/** Returns the id of the transaction in an identifier; `null` for an identifier that is not of this participant. */
export function transactionIdOf(gid: string, participant: string): string | null {
  const prefix = prefixOf(participant);
  return gid.startsWith(prefix) ? gid.slice(prefix.length) : null;
}

function prefixOf(participant: string): string {
  const name = PLAIN.test(participant)
    ? participant
    : createHash('sha256').update(participant).digest('hex').slice(0, 32);
  return `zk-recipes:${name}:`;
}

/** @throws TypeError, RangeError for an identifier that PostgreSQL refuses or truncates */
export function checkGlobalId(gid: unknown): string {
  if (typeof gid !== 'string') throw new TypeError(`Expected \`gid\` to return a string, got ${String(gid)}`);
  const bytes = Buffer.byteLength(gid);
  if (bytes === 0 || bytes > MAX_BYTES) {
    throw new RangeError(`Expected \`gid\` to return 1 to ${MAX_BYTES} bytes, got ${bytes}: '${gid}'`);
  }
  if (gid.includes('\0')) throw new RangeError(`Expected \`gid\` to return a text without zero bytes, got '${gid}'`);
  return gid;
}
