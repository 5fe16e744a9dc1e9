import { inspect } from 'node:util';

/** Length of the longest message, in UTF-16 code units. */
const LONGEST = 1_000;

/**
 * Returns the message of a thrown value, for a record or another message. Never throws, whatever the value is: an object with a getter
 * that throws, `null`, an object without a prototype.
 *
 * @returns text that is not empty; cut to 1,000 characters, followed by `…`
 */
export function messageOf(thrown: unknown): string {
  const text = textOf(thrown);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function textOf(thrown: unknown): string {
  try {
    if (typeof thrown !== 'object' || thrown === null || !('message' in thrown)) return describe(thrown);
    const { message } = thrown;
    if (typeof message === 'string' && message !== '') return message;
    return thrown instanceof Error && message === '' ? describe(thrown.name) : describe(message);
  } catch {
    return `${typeof thrown} that cannot be described`;
  }
}

/** Describes a value without calling its getters or functions. */
function describe(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  return inspect(value, { customInspect: false, depth: 1, breakLength: Number.POSITIVE_INFINITY });
}
