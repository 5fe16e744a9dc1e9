import { checkArgument, messageOf } from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';
import { MalformedRecordError } from './errors.js';
import { nameSchema } from './participant-name.js';

/*
 * Contents of the znodes: JSON. A transaction is a line of JSON, followed by the bytes of the payload from the codec.
 * Schemas check every record that another process may have written. Pure.
 */

/** Start of a transaction's znode, never changed. */
export interface Header {
  readonly participants: readonly string[];
  /** Uuid of the coordinator that began the transaction. */
  readonly coordinator: string;
}

/** Vote of a participant, never changed. */
export interface Vote {
  readonly vote: 'commit' | 'abort';
  /** Reason of a vote to abort, if the participant gave one. */
  readonly reason?: string | undefined;
  /** Whether the participant could not read the payload, so that its `prepare` was not called. */
  readonly unread?: boolean | undefined;
}

/** Decision about a transaction, written once. */
export interface Decision {
  readonly decision: 'committed' | 'aborted';
  /** Reason of the abort. */
  readonly reason?: string | undefined;
  /** Author of the decision: `coordinator <uuid>`, `recovery <uuid>` or `operator <name>`. */
  readonly by: string;
  /** Votes that were known at the decision: all votes for `committed`. */
  readonly votes: readonly (readonly [participant: string, vote: 'commit' | 'abort'])[];
}

/** Last failure of a participant's handler, in the participant's inbox entry. */
export interface Trouble {
  readonly message: string;
  /** Number of failures of the handler since the start of the participant; 1 or more. */
  readonly failures: number;
}

const version = z.literal(1);
const header = z.object({ version, participants: z.array(nameSchema).check(z.minLength(1)), coordinator: nameSchema });
const kind = z.enum(['commit', 'abort']);
/** Text for people: if another process has written a different type, the value is shown as text and causes no error. */
const text = z.pipe(
  z.unknown(),
  z.transform((value) => (typeof value === 'string' ? value : messageOf(value))),
);
const reason = z.optional(text);
const vote = z.object({ vote: kind, reason, unread: z.optional(z.boolean()) });
const decision = z.object({
  decision: z.enum(['committed', 'aborted']),
  reason,
  by: text,
  votes: z.array(z.tuple([z.string(), kind])),
});
const trouble = z.object({ message: text, failures: z.int() });

const NEWLINE = 0x0a;

/** Converts votes to their form in a decision. */
export function votesKnown(votes: ReadonlyMap<string, Vote>): Decision['votes'] {
  return [...votes].map(([name, { vote }]) => [name, vote] as const);
}

/** Encodes the contents of a transaction's znode. */
export function encodeTransaction(of: Header, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify({ version: 1, ...of })}\n`), payload]);
}

/** @throws MalformedRecordError if the data is not a transaction */
export function decodeTransaction(path: string, data: Buffer | null): { header: Header; payload: Buffer } {
  const bytes = data ?? Buffer.alloc(0);
  const end = bytes.indexOf(NEWLINE);
  const text = end < 0 ? null : bytes.subarray(0, end);
  const { participants, coordinator } = parse(path, header, text);
  return { header: { participants, coordinator }, payload: bytes.subarray(end + 1) };
}

/** @throws MalformedRecordError if the data is not a vote */
export function decodeVote(path: string, data: Buffer | null): Vote {
  return parse(path, vote, data);
}

/** @throws MalformedRecordError if the data is not a decision */
export function decodeDecision(path: string, data: Buffer | null): Decision {
  return parse(path, decision, data);
}

/** Decodes the last failure of a participant's handler; `null` if there is none, or it cannot be read. */
export function decodeTrouble(data: Buffer | null): Trouble | null {
  if (data === null || data.length === 0) return null;
  try {
    return parse('', trouble, data);
  } catch {
    return null;
  }
}

/** Encodes votes, decisions, failures and audit records. */
export function encodeRecord(record: Vote | Decision | Trouble | object): Buffer {
  return Buffer.from(JSON.stringify(record));
}

function parse<T>(path: string, schema: z.ZodMiniType<T>, data: Buffer | null): T {
  try {
    return checkArgument('record', schema, JSON.parse((data ?? Buffer.alloc(0)).toString('utf8')));
  } catch (error) {
    throw new MalformedRecordError(path, { cause: error });
  }
}
