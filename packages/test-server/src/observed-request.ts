import { type JuteReader, OpCode } from 'zookeeper-ts-client/protocol';
import { type Checks, isFunction, isOneOf, isPath, isSessionId } from './argument-checks.js';

/** Codes that no fault meets: credentials are no requests, and the others are no operations of a client. */
type Unobserved = 'notification' | 'error' | 'createSession' | 'auth' | 'sasl';

/**
 * Name of an operation, in ZooKeeper's words. In a match `create` stands for all four creates, `getChildren` and `setWatches` for both.
 */
export type OperationName = Exclude<keyof typeof OpCode, Unobserved>;

/** A request as a fault sees it. */
export interface ObservedRequest {
  readonly sessionId: bigint;
  /** Number by which the client recognises the reply. */
  readonly xid: number;
  readonly opCode: number;
  /** Name of the operation; `unknown` for a code that is none, or none that a client sends. */
  readonly operation: OperationName | 'unknown';
  /** The path that most operations begin with; `undefined` for those that do not. */
  readonly path: string | undefined;
}

/** Which requests are meant; what is left out may be anything. */
export interface RequestMatch {
  /** An operation by name, with its variants, or by its exact code. */
  readonly op?: OperationName | number;
  /** Session of the client. */
  readonly sessionId?: bigint;
  readonly path?: string;
  /** Any other test of the request. */
  readonly when?: (request: ObservedRequest) => boolean;
}

const families: Readonly<Partial<Record<OperationName, readonly number[]>>> = {
  create: [OpCode.create, OpCode.create2, OpCode.createContainer, OpCode.createTTL],
  getChildren: [OpCode.getChildren, OpCode.getChildren2],
  setWatches: [OpCode.setWatches, OpCode.setWatches2],
};

const { notification, error, createSession, auth, sasl, ...observed } = OpCode;
const names: ReadonlyMap<number, OperationName> = new Map(
  (Object.entries(observed) as [OperationName, number][]).map(([name, code]) => [code, name]),
);
const unobserved: ReadonlyMap<number, Unobserved> = new Map(
  (Object.entries({ notification, error, createSession, auth, sasl }) as [Unobserved, number][]).map(([name, code]) => [
    code,
    name,
  ]),
);
const isKnownName = isOneOf(Object.keys(observed));

/** What a match must be: a match of another operation, or of none, would wait for ever, and its test pass without its fault. */
export const matchChecks: Checks<RequestMatch> = {
  op: (name, value) => {
    if (typeof value !== 'number') isKnownName(name, value);
    else if (!names.has(value)) {
      throw new TypeError(
        `Expected \`${name}\` to be a name or the code of an operation, got ${value}. ${nearestCode(value)}`,
      );
    }
  },
  sessionId: isSessionId,
  path: isPath,
  when: isFunction,
};

/** Operations whose record does not begin with a path. */
const withoutPath: ReadonlySet<number> = new Set([
  OpCode.ping,
  OpCode.multi,
  OpCode.multiRead,
  OpCode.reconfig,
  OpCode.auth,
  OpCode.sasl,
  OpCode.setWatches,
  OpCode.setWatches2,
  OpCode.whoAmI,
  OpCode.closeSession,
]);

/** Name of an operation code; `unknown` for one that is none. */
export function operationName(opCode: number): keyof typeof OpCode | 'unknown' {
  return names.get(opCode) ?? unobserved.get(opCode) ?? 'unknown';
}

/** Looks at a request without using it up. */
export function observe(sessionId: bigint, xid: number, opCode: number, reader: JuteReader): ObservedRequest {
  const path = withoutPath.has(opCode) ? undefined : reader.peek(pathOf);
  return { sessionId, xid, opCode, operation: names.get(opCode) ?? 'unknown', path };
}

/** Whether a request is meant. */
export function matches({ op, sessionId, path, when }: RequestMatch, request: ObservedRequest): boolean {
  if (typeof op === 'number' && op !== request.opCode) return false;
  if (typeof op === 'string' && !(families[op] ?? [OpCode[op]]).includes(request.opCode)) return false;
  if (sessionId !== undefined && sessionId !== request.sessionId) return false;
  if (path !== undefined && path !== request.path) return false;
  return when === undefined || when(request);
}

function nearestCode(wrong: number): string {
  const name = unobserved.get(wrong);
  if (name !== undefined) return `No fault meets ${name}`;
  const [nearest] = [...names].sort(([a], [b]) => Math.abs(a - wrong) - Math.abs(b - wrong));
  return `The nearest is ${nearest?.[0]}, ${nearest?.[1]}`;
}

function pathOf(reader: JuteReader): string | undefined {
  try {
    return reader.ustring() ?? undefined;
  } catch {
    return undefined;
  }
}
