import { received } from './received.js';
import { unknownNameHint } from './unknown-name.js';

/** Check of one option. */
export interface OptionCheck {
  /** Expected value as a noun phrase: `a whole number from 1 to 10`. */
  readonly expected: string;
  /** Returns `null` for a valid value, `type` for a value of the wrong type, and `range` for a value out of range. */
  readonly faultOf: (value: unknown) => 'type' | 'range' | null;
  /** Whether messages must not show text, because the value may be a password. */
  readonly isSecret?: boolean;
  /** Checks of the options inside this option. */
  readonly inside?: OptionChecks;
  /** Check of each element of an array. */
  readonly each?: OptionCheck;
}

/** Checks of options, by the names of the options. */
export type OptionChecks = Readonly<Record<string, OptionCheck>>;

/** Checks of all options of a type. A missing check is a type error. */
export type ChecksOf<Options> = { readonly [Name in keyof Required<Options>]: OptionCheck };

/**
 * Checks options.
 *
 * @param where owner of the options for the message, e.g. `ZooKeeper.connect`
 * @throws {TypeError} when an option does not exist or has the wrong type
 * @throws {RangeError} when an option is out of range; both messages name the option, the expected value and the received value
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

/** Creates a check from a predicate. */
function typeCheck(expected: string, isRight: (value: unknown) => boolean): OptionCheck {
  return { expected, faultOf: (value) => (isRight(value) ? null : 'type') };
}

/** Check that accepts every value: for an option that is checked elsewhere, or that may be anything. */
export const anything: OptionCheck = typeCheck('anything', () => true);
/** Check for a function. */
export const aFunction: OptionCheck = typeCheck('a function', (value) => typeof value === 'function');
/** Check for `true` or `false`. */
export const aBoolean: OptionCheck = typeCheck('a boolean', (value) => typeof value === 'boolean');
/** Check for a string; it may be empty. */
export const aString: OptionCheck = typeCheck('a string', (value) => typeof value === 'string');
/** Check for bytes, or a string that becomes bytes. Messages never show the value. */
export const secretBytes: OptionCheck = {
  ...typeCheck('a Uint8Array or a string', (value) => value instanceof Uint8Array || typeof value === 'string'),
  isSecret: true,
};
/** Check for an `AbortSignal`, or an object with the parts of it that a request uses. */
export const aSignal: OptionCheck = typeCheck('an AbortSignal', isSignal);

function isSignal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener } = value as Partial<AbortSignal>;
  return typeof aborted === 'boolean' && typeof addEventListener === 'function';
}

/** Check for a bigint, positive or negative. */
export const anyBigint: OptionCheck = typeCheck('a bigint', (value) => typeof value === 'bigint');

/** Creates a check for a bigint that is at least `least`. */
export function bigintFrom(least: bigint): OptionCheck {
  return {
    expected: `a bigint from ${least}n`,
    faultOf: (value) => (typeof value !== 'bigint' ? 'type' : value < least ? 'range' : null),
  };
}

/** Creates a check for a `Uint8Array` of exactly `length` bytes. Messages never show the value. */
export function bytesOfLength(length: number): OptionCheck {
  return {
    expected: `a Uint8Array of ${length} bytes`,
    faultOf: (value) => (!(value instanceof Uint8Array) ? 'type' : value.length === length ? null : 'range'),
    isSecret: true,
  };
}

/** Creates a check for a number that is at least `least`; `Infinity` is valid. */
export function numberFrom(least: number): OptionCheck {
  return {
    expected: `a number from ${least}`,
    faultOf: (value) => (typeof value !== 'number' || Number.isNaN(value) ? 'type' : value < least ? 'range' : null),
  };
}

/**
 * Creates a check for a whole number from `least` to `most`.
 *
 * @param orInfinity whether `Infinity` is valid too. Default false
 */
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

/**
 * Creates a check for an object, whose options may be given or left out; each has its own check.
 *
 * @param required names of the options that must be given
 */
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

/** Creates a check for an array whose elements all have the same check. */
export function arrayOf(each: OptionCheck): OptionCheck {
  return { ...typeCheck('an array', Array.isArray), isSecret: each.isSecret ?? false, each };
}
