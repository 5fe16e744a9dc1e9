import { type JuteReader, OpCode } from 'zookeeper-ts-client/protocol';
import { type Checks, isFunction, isOneOf, isPath, isSessionId } from './argument-checks.js';

/** Operation codes that faults do not observe: credentials, and codes that no client sends as an operation. */
type Unobserved = 'notification' | 'error' | 'createSession' | 'auth' | 'sasl';

/**
 * Name of an operation in ZooKeeper's terms. In a match, `create` includes all four creates; `getChildren` and `setWatches` include both
 * variants.
 */
export type OperationName = Exclude<keyof typeof OpCode, Unobserved>;

/** Request as a fault sees it. */
export interface ObservedRequest {
  readonly sessionId: bigint;
  /** Number by which the client recognises the reply. */
  readonly xid: number;
  readonly opCode: number;
  /** Name of the operation; `unknown` for a code that no client sends. */
  readonly operation: OperationName | 'unknown';
  /** Path at the start of the request; `undefined` for operations without one. */
  readonly path: string | undefined;
}

/** Condition that selects requests. A missing field matches every request. */
export interface RequestMatch {
  /** Name of an operation, including its variants, or its exact code. */
  readonly op?: OperationName | number;
  /** Session of the client. */
  readonly sessionId?: bigint;
  readonly path?: string;
  /** Additional condition. */
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

/** Checks of a match. A match with an unknown operation would never apply, and a test would pass without its fault. */
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

/** Returns the name of an operation code; `unknown` for an unknown code. */
export function operationName(opCode: number): keyof typeof OpCode | 'unknown' {
  return names.get(opCode) ?? unobserved.get(opCode) ?? 'unknown';
}

/** Describes a request without consuming it. */
export function observe(sessionId: bigint, xid: number, opCode: number, reader: JuteReader): ObservedRequest {
  const path = withoutPath.has(opCode) ? undefined : reader.peek(pathOf);
  return { sessionId, xid, opCode, operation: names.get(opCode) ?? 'unknown', path };
}

/** Whether a request matches. */
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
