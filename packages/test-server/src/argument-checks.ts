/** Checks one value. `name` is the name of the value in the message. @throws {TypeError} @throws {RangeError} */
export type Check = (name: string, value: unknown) => void;

/** Checks for each field of `T`. */
export type Checks<T> = { readonly [K in keyof Required<T> & string]: Check };

/** Creates a check that a test holds. @param words description of a valid value, for the message */
export function isA(words: string, test: (value: unknown) => boolean): Check {
  return (name, value) => {
    if (!test(value)) throw new TypeError(`Expected \`${name}\` to be ${words}, got ${textOf(value)}`);
  };
}

/** Creates a check for a finite number. @param least smallest valid number @param most largest valid number */
export function isNumber(least: number = -Infinity, most: number = Infinity): Check {
  const range = most === Infinity ? `${least} or more` : `from ${least} to ${most}`;
  return (name, value) => {
    if (typeof value !== 'number') throw new TypeError(`Expected \`${name}\` to be a number, got ${textOf(value)}`);
    if (Number.isFinite(value) && value >= least && value <= most) return;
    throw new RangeError(`Expected \`${name}\` to be ${least === -Infinity ? 'finite' : range}, got ${value}`);
  };
}

/** Creates a check for a whole number. @param least smallest valid number @param most largest valid number */
export function isInteger(least: number, most: number = Infinity): Check {
  const isInRange = isNumber(least, most);
  return (name, value) => {
    isInRange(name, value);
    if (!Number.isInteger(value)) throw new RangeError(`Expected \`${name}\` to be a whole number, got ${value}`);
  };
}

/** Creates a check for one of some words. */
export function isOneOf(words: readonly string[]): Check {
  return (name, value) => {
    if (typeof value === 'string' && words.includes(value)) return;
    const hint = typeof value === 'string' ? suggestion(value, words) : among(words);
    throw new TypeError(`Expected \`${name}\` to be a known name, got ${textOf(value)}. ${hint}`);
  };
}

/** Checks that a value is true or false. */
export const isBoolean: Check = isA('true or false', (value) => typeof value === 'boolean');

/** Checks that a value is a function. */
export const isFunction: Check = isA('a function', (value) => typeof value === 'function');

/** Checks that a value is a string that is not empty. */
export const isText: Check = isA('a string that is not empty', (value) => typeof value === 'string' && value !== '');

/** Checks that a value is the id of a session. */
export const isSessionId: Check = isA('the id of a session, a bigint', (value) => typeof value === 'bigint');

/** Checks that a value is the id of a session, or `'all'`. */
export const isSessionIdOrAll: Check = isA(
  "the id of a session, a bigint, or 'all'",
  (value) => typeof value === 'bigint' || value === 'all',
);

/** Checks that a value is the path of a znode. */
export const isPath: Check = isA(
  "a path that begins with '/'",
  (value) => typeof value === 'string' && value.startsWith('/'),
);

/**
 * Checks an object field by field. Fields that are missing or `undefined` are not checked.
 *
 * @param owner function that receives the object, for the message
 * @throws {TypeError} when the value is not an object, or has a field with an unknown name or a wrong type
 * @throws {RangeError} when a number is out of its range
 */
export function checkFields<T extends object>(owner: string, value: T, checks: Checks<T>): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`Expected ${owner} to be given an object, got ${textOf(value)}`);
  }
  const known = Object.keys(checks);
  for (const [name, given] of Object.entries(value)) {
    if (!known.includes(name)) {
      throw new TypeError(`Expected an option of ${owner}, got \`${name}\`. ${suggestion(name, known)}`);
    }
    if (given !== undefined) checks[name as keyof typeof checks](name, given);
  }
}

/** Formats a value for a message. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** Suggests the known names that are similar to a wrong name, or lists all known names. */
export function suggestion(wrong: string, known: readonly string[]): string {
  const longer = known.filter((name) => wrong !== '' && name.toLowerCase().startsWith(wrong.toLowerCase()));
  const distances = known.map((name) => distance(wrong.toLowerCase(), name.toLowerCase()));
  const least = Math.min(...distances);
  const near = longer.length > 0 ? longer : known.filter((_, index) => distances[index] === least);
  if (longer.length === 0 && least > Math.max(2, wrong.length / 3)) return among(known);
  return `Did you mean ${near.map((name) => `\`${name}\``).join(' or ')}?`;
}

function among(known: readonly string[]): string {
  return `There are ${known.map((name) => `\`${name}\``).join(', ')}`;
}

/** Returns the number of letters to insert, remove or replace in order to change one text into the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const replaced = (row[j] as number) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
