import type * as z from 'zod/mini';
import { received, unknownNameHint } from 'zookeeper-ts-client';

/** Options, and parts of options, whose text may be a secret: messages do not show it. */
const SECRETS: ReadonlySet<string> = new Set([
  'auth',
  'passwd',
  'password',
  'passphrase',
  'key',
  'pfx',
  'data',
  'defaultData',
]);

/** First fault that a schema found in a value. */
interface Fault {
  readonly path: readonly string[];
  readonly kind: 'unknown-name' | 'range' | 'type';
  /** Noun phrase; for an unknown name, the hint. */
  readonly expected: string;
  readonly input: unknown;
}

/**
 * Checks options against a schema of `zod/mini`. The message of a custom check is a noun phrase for the expected value: `a function`.
 *
 * @param where owner of the options for the message, e.g. `LeaderLatch`
 * @throws {TypeError} when an option does not exist or has the wrong type; the message names the option, the expected and the actual
 *   value
 * @throws {RangeError} when an option is out of range; with the same message
 */
export function checkOptions(where: string, schema: z.ZodMiniType, options: unknown): void {
  const result = check(schema, options);
  if (result.success) return;
  const fault = faultAmong(result.error.issues);
  const name = `\`${fault.path.join('.')}\``;
  if (fault.kind === 'unknown-name') throw new TypeError(`Unknown option ${name} of ${where}: ${fault.expected}`);
  throw mismatch(fault.path.length === 0 ? `the options of ${where}` : `option ${name} of ${where}`, fault);
}

/**
 * Checks an argument, or a value that was read, against a schema of `zod/mini`, as `checkOptions` does.
 *
 * @param name name for the message, e.g. `id`
 * @returns output of the schema for the value
 * @throws {TypeError} when the argument has the wrong type
 * @throws {RangeError} when the argument is out of range
 */
export function checkArgument<T>(name: string, schema: z.ZodMiniType<T>, value: unknown): T {
  const result = check(schema, value);
  if (result.success) return result.data;
  const fault = faultAmong(result.error.issues);
  const parts = [name, ...fault.path].join('.');
  if (fault.kind === 'unknown-name') throw new TypeError(`Unknown \`${parts}\`: ${fault.expected}`);
  throw mismatch(`\`${parts}\``, fault);
}

function mismatch(what: string, { kind, path, expected, input }: Fault): TypeError | RangeError {
  const message = `Expected ${what} to be ${expected}, got ${received(
    input,
    path.some((part) => SECRETS.has(part)),
  )}`;
  return kind === 'range' ? new RangeError(message) : new TypeError(message);
}

function check<T>(schema: z.ZodMiniType<T>, value: unknown): z.core.util.SafeParseResult<T> {
  return schema.safeParse(value, { reportInput: true, error: expectedBy });
}

/** Returns the most useful fault. An unknown name comes first, because a misspelt name also causes a missing required option. */
function faultAmong(issues: readonly z.core.$ZodIssue[], above: readonly string[] = []): Fault {
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  if (issue === undefined) throw new Error('Expected at least one issue of a value that was refused, got none');
  const path = [...above, ...issue.path.map(String)];
  const { input, message: expected } = issue;
  if (issue.code === 'unrecognized_keys')
    return { path: [...path, issue.keys[0] ?? ''], kind: 'unknown-name', expected, input };
  if (issue.code === 'invalid_union') return faultInUnion(issue, path);
  return { path, kind: issue.code === 'too_small' || issue.code === 'too_big' ? 'range' : 'type', expected, input };
}

/**
 * Returns the fault inside the alternative that the caller meant, if one is recognizable. Otherwise the fault says that the value matches
 * none of the alternatives.
 */
function faultInUnion(issue: z.core.$ZodIssueInvalidUnion, path: readonly string[]): Fault {
  const faults = issue.errors.map((issues) => faultAmong(issues, path));
  const inside = faults.find((fault) => fault.path.length > path.length);
  if (inside !== undefined) return inside;
  const kind = faults.some((fault) => fault.kind === 'range') ? 'range' : 'type';
  return { path, kind, expected: issue.message, input: issue.input };
}

/** Returns the expected value of a schema as a noun phrase: `zod/mini` has no messages of its own. */
function expectedBy(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return expectedType(issue.expected, issue.inst);
    case 'too_small':
    case 'too_big':
      return issue.origin === 'number' || issue.origin === 'int' ? expectedNumber(issue.schema) : 'not empty';
    case 'invalid_value':
      return issue.values.map((value) => received(value)).join(' or ');
    case 'unrecognized_keys':
      return unknownNameHint(issue.keys[0] ?? '', knownNames(issue.inst));
    case 'invalid_union':
      return [...new Set(issue.errors.flatMap(([first]) => first?.message ?? []))].join(' or ');
    default:
      return 'another value';
  }
}

function expectedType(type: string, schema: z.core.$ZodRawIssue['inst']): string {
  if (type === 'number' || type === 'int') return expectedNumber(schema);
  if (type === 'date') return 'a valid Date';
  if (type === 'nonoptional') return 'given';
  return `${/^[aeio]/i.test(type) ? 'an' : 'a'} ${type}`;
}

/** Describes the expected number by the checks of the schema, e.g. `a whole number from 1 to 2147483647`. */
function expectedNumber(schema: z.core.$ZodRawIssue['inst']): string {
  const { format, checks = [] } = (schema?._zod.def ?? {}) as NumberDefinition;
  const limit = (check: string): string | number =>
    checks.find(({ _zod }) => _zod.def.check === check)?._zod.def.value ?? '';
  const [least, most] = [limit('greater_than'), limit('less_than')];
  const kind = format?.includes('int') ? 'a whole number' : 'a number';
  return `${kind}${least === '' ? '' : ` from ${least}`}${most === '' ? '' : ` to ${most}`}`;
}

/** Internal representation of a number and its checks in `zod`. */
interface NumberDefinition {
  readonly format?: string;
  readonly checks?: readonly { readonly _zod: { readonly def: { readonly check: string; readonly value?: number } } }[];
}

function knownNames(schema: z.core.$ZodRawIssue['inst']): string[] {
  const def = schema?._zod.def as { readonly shape?: Readonly<Record<string, unknown>> } | undefined;
  return Object.keys(def?.shape ?? {});
}
