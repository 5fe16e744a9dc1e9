import { createHash } from 'node:crypto';
import type { ParticipantTransaction } from '../participant-options.js';

/** Longest identifier of a prepared transaction, in bytes: PostgreSQL's 200 with the zero at its end. */
const MAX_BYTES = 199;

/** Names that are used as they are; others by a hash, whatever the encoding of the database. */
const PLAIN = /^[\w.-]{1,100}$/;

/** An identifier that the parts of one transaction do not share, though all of them be in one PostgreSQL. */
export function globalIdOf({ participant, id }: ParticipantTransaction<unknown>): string {
  return `${prefixOf(participant)}${id}`;
}

/** The transaction's id of such an identifier; `null` for what is none of this participant. */
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

/** @throws TypeError, RangeError for what PostgreSQL does not take, or cuts off */
export function checkGlobalId(gid: unknown): string {
  if (typeof gid !== 'string') throw new TypeError(`Expected \`gid\` to return a string, got ${String(gid)}`);
  const bytes = Buffer.byteLength(gid);
  if (bytes === 0 || bytes > MAX_BYTES) {
    throw new RangeError(`Expected \`gid\` to return 1 to ${MAX_BYTES} bytes, got ${bytes}: '${gid}'`);
  }
  if (gid.includes('\0')) throw new RangeError(`Expected \`gid\` to return a text without zero bytes, got '${gid}'`);
  return gid;
}
