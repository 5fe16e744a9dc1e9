import { received } from './received.js';
import { unknownNameHint } from './unknown-name.js';

/** What an option may be. */
export interface OptionCheck {
  /** What is expected, as a noun phrase: `a whole number from 1 to 10`. */
  readonly expected: string;
  /** Whether the value is of the wrong type, or of the right one and out of range; `null` if nothing is wrong. */
  readonly faultOf: (value: unknown) => 'type' | 'range' | null;
  /** Whether messages must not show text, because it may be a password. */
  readonly isSecret?: boolean;
  /** Options inside of this one. */
  readonly inside?: OptionChecks;
  /** What each element of an array must be. */
  readonly each?: OptionCheck;
}

/** What options may be, by their names. */
export type OptionChecks = Readonly<Record<string, OptionCheck>>;

/** A check for each option of a type, so that none is forgotten. */
export type ChecksOf<Options> = { readonly [Name in keyof Required<Options>]: OptionCheck };

/**
 * Checks options.
 *
 * @param where whose options they are, for the message, e.g. `ZooKeeper.connect`
 * @throws TypeError for an option that does not exist or is of a wrong type, RangeError for one out of range; both name the option and say
 *   what was expected and what came
 */
export function checkOptions(where: string, checks: OptionChecks, options: object, prefix = ''): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`Expected the options of ${where} to be an object, got ${received(options)}`);
  }
  for (const name in options) {
    if (!Object.hasOwn(checks, name)) {
      const hint = unknownNameHint(name, Object.keys(checks));
      throw new TypeError(`Unknown option \`${prefix}${name}\` of ${where}: ${hint}`);
    }
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (value !== undefined) checkValue(where, checks[name] as OptionCheck, value, prefix + name);
  }
}

function checkValue(where: string, check: OptionCheck, value: unknown, name: string): void {
  const fault = check.faultOf(value);
  if (fault !== null) {
    const message = `Expected option \`${name}\` of ${where} to be ${check.expected}, got ${received(value, check.isSecret)}`;
    throw fault === 'range' ? new RangeError(message) : new TypeError(message);
  }
  if (check.inside !== undefined) checkOptions(where, check.inside, value as object, `${name}.`);
  if (check.each !== undefined) {
    for (const [index, element] of (value as readonly unknown[]).entries()) {
      checkValue(where, check.each, element, `${name}.${index}`);
    }
  }
}

/** A check by a predicate. */
function typeCheck(expected: string, isRight: (value: unknown) => boolean): OptionCheck {
  return { expected, faultOf: (value) => (isRight(value) ? null : 'type') };
}

/** An option that is checked elsewhere, or may be anything. */
export const anything: OptionCheck = typeCheck('anything', () => true);
/** A function. */
export const aFunction: OptionCheck = typeCheck('a function', (value) => typeof value === 'function');
/** `true` or `false`. */
export const aBoolean: OptionCheck = typeCheck('a boolean', (value) => typeof value === 'boolean');
/** Text, also empty. */
export const aString: OptionCheck = typeCheck('a string', (value) => typeof value === 'string');
/** Bytes, or text that becomes bytes; never shown. */
export const secretBytes: OptionCheck = {
  ...typeCheck('a Uint8Array or a string', (value) => value instanceof Uint8Array || typeof value === 'string'),
  isSecret: true,
};
/** An `AbortSignal`, or an object that does for a request. */
export const aSignal: OptionCheck = typeCheck('an AbortSignal', isSignal);

function isSignal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener } = value as Partial<AbortSignal>;
  return typeof aborted === 'boolean' && typeof addEventListener === 'function';
}

/** A bigint, whatever its sign. */
export const anyBigint: OptionCheck = typeCheck('a bigint', (value) => typeof value === 'bigint');

/** A bigint that is not too small. */
export function bigintFrom(least: bigint): OptionCheck {
  return {
    expected: `a bigint from ${least}n`,
    faultOf: (value) => (typeof value !== 'bigint' ? 'type' : value < least ? 'range' : null),
  };
}

/** Exactly so many bytes; never shown. */
export function bytesOfLength(length: number): OptionCheck {
  return {
    expected: `a Uint8Array of ${length} bytes`,
    faultOf: (value) => (!(value instanceof Uint8Array) ? 'type' : value.length === length ? null : 'range'),
    isSecret: true,
  };
}

/** A number that is not too small; `Infinity` will do. */
export function numberFrom(least: number): OptionCheck {
  return {
    expected: `a number from ${least}`,
    faultOf: (value) => (typeof value !== 'number' || Number.isNaN(value) ? 'type' : value < least ? 'range' : null),
  };
}

/** @param orInfinity whether `Infinity` will do, too */
export function wholeNumber(
  least: number,
  most: number,
  { orInfinity = false }: { readonly orInfinity?: boolean } = {},
): OptionCheck {
  return {
    expected: `a whole number from ${least} to ${most}${orInfinity ? ' or Infinity' : ''}`,
    faultOf: (value) => {
      if (typeof value !== 'number' || Number.isNaN(value)) return 'type';
      if (orInfinity && value === Number.POSITIVE_INFINITY) return null;
      return Number.isInteger(value) && value >= least && value <= most ? null : 'range';
    },
  };
}

/** An object whose options are all given, or left out, by their own checks. @param required those that must be given */
export function objectOf(inside: OptionChecks, required: readonly string[] = []): OptionCheck {
  const names = Object.entries(inside).map(([name, { expected }]) => `${name}: ${expected}`);
  return {
    expected: `an object { ${names.join(', ')} }`,
    faultOf: (value) =>
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      required.every((name) => hasValue(value, name))
        ? null
        : 'type',
    isSecret: true,
    inside,
  };
}

function hasValue(value: object, name: string): boolean {
  return (value as Readonly<Record<string, unknown>>)[name] !== undefined;
}

/** An array of things that are alike. */
export function arrayOf(each: OptionCheck): OptionCheck {
  return { ...typeCheck('an array', Array.isArray), isSecret: each.isSecret ?? false, each };
}
