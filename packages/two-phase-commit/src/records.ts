import { checkArgument, messageOf } from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';
import { MalformedRecordError } from './errors.js';
import { nameSchema } from './participant-name.js';

/*
 * What the znodes hold: JSON, but for a transaction, which is a line of JSON and then the payload as the codec made it.
 * What somebody else may have written is looked at closely. Pure.
 */

/** The beginning of a transaction, never changed. */
export interface Header {
  readonly participants: readonly string[];
  /** Uuid of the coordinator that began it. */
  readonly coordinator: string;
}

/** What a participant has answered, never changed. */
export interface Vote {
  readonly vote: 'commit' | 'abort';
  /** Why not, if it votes abort and has said why. */
  readonly reason?: string | undefined;
  /** It could not read the payload, so that its `prepare` was not called. */
  readonly unread?: boolean | undefined;
}

/** What has been decided, written once. */
export interface Decision {
  readonly decision: 'committed' | 'aborted';
  /** Why it was aborted. */
  readonly reason?: string | undefined;
  /** Who decided: `coordinator <uuid>`, `recovery <uuid>` or `operator <name>`. */
  readonly by: string;
  /** Votes that were known then: all of them for `committed`. */
  readonly votes: readonly (readonly [participant: string, vote: 'commit' | 'abort'])[];
}

/** Why a participant has not finished yet: in its entry of the inbox. */
export interface Trouble {
  readonly message: string;
  /** How often the handler has failed since the participant was started, 1 or more. */
  readonly failures: number;
}

const version = z.literal(1);
const header = z.object({ version, participants: z.array(nameSchema).check(z.minLength(1)), coordinator: nameSchema });
const kind = z.enum(['commit', 'abort']);
/** For people to read: what another process has written instead of text is shown, and stops nothing. */
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

/** Votes as a decision holds them. */
export function votesKnown(votes: ReadonlyMap<string, Vote>): Decision['votes'] {
  return [...votes].map(([name, { vote }]) => [name, vote] as const);
}

/** What a transaction's znode holds. */
export function encodeTransaction(of: Header, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify({ version: 1, ...of })}\n`), payload]);
}

/** @throws MalformedRecordError for what is none */
export function decodeTransaction(path: string, data: Buffer | null): { header: Header; payload: Buffer } {
  const bytes = data ?? Buffer.alloc(0);
  const end = bytes.indexOf(NEWLINE);
  const text = end < 0 ? null : bytes.subarray(0, end);
  const { participants, coordinator } = parse(path, header, text);
  return { header: { participants, coordinator }, payload: bytes.subarray(end + 1) };
}

/** @throws MalformedRecordError for what is none */
export function decodeVote(path: string, data: Buffer | null): Vote {
  return parse(path, vote, data);
}

/** @throws MalformedRecordError for what is none */
export function decodeDecision(path: string, data: Buffer | null): Decision {
  return parse(path, decision, data);
}

/** Why a participant has not finished; `null` if nothing went wrong, or if it cannot be read. */
export function decodeTrouble(data: Buffer | null): Trouble | null {
  if (data === null || data.length === 0) return null;
  try {
    return parse('', trouble, data);
  } catch {
    return null;
  }
}

/** What votes, decisions, troubles and audit records are written as. */
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
