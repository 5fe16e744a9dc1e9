import { inspect } from 'node:util';

/** Largest number of UTF-16 code units of a text that a message quotes. */
const LONGEST = 100;

/** Largest number of property names of an object that a message lists. */
const MOST_NAMES = 5;

/**
 * Describes an unexpected value for an error message: text in quotes, numbers as they are, other values by their kind. Never shows
 * bytes and never throws.
 *
 * @param isSecret whether text must not be shown either, because it may be a password. Default false
 */
export function received(value: unknown, isSecret = false): string {
  if (typeof value === 'string') return isSecret ? 'a string' : quoted(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return isSecret && value !== null ? typeof value : inspect(value);
  try {
    return kindOf(value);
  } catch {
    return 'an object that cannot be described';
  }
}

function quoted(text: string): string {
  return text.length > LONGEST ? `${inspect(text.slice(0, LONGEST))}…` : inspect(text);
}

function kindOf(value: object): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? 'an invalid Date' : `the Date ${value.toISOString()}`;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `${nameOf(value)} of ${value.byteLength} bytes`;
  const name = nameOf(value);
  if (name !== 'Object' && name !== '') return `an object of class ${name}`;
  const names = Object.keys(value).slice(0, MOST_NAMES);
  return names.length === 0 ? 'an empty object' : `an object with ${names.map((key) => `\`${key}\``).join(', ')}`;
}

function nameOf(value: object): string {
  const maker = (value as { readonly constructor?: unknown }).constructor;
  return typeof maker === 'function' ? maker.name : '';
}
