import { type JuteReader, OpCode } from 'zookeeper-ts-client/protocol';

/** Name of an operation, in ZooKeeper's words. `create` stands for all four creates, `getChildren` for both. */
export type OperationName = keyof typeof OpCode;

/** A request as a fault sees it. */
export interface ObservedRequest {
  readonly sessionId: bigint;
  /** Number by which the client recognises the reply. */
  readonly xid: number;
  readonly opCode: number;
  /** Name of the operation; `unknown` for a code that is none. */
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

const names: ReadonlyMap<number, OperationName> = new Map(
  (Object.entries(OpCode) as [OperationName, number][]).map(([name, code]) => [code, name]),
);

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
export function operationName(opCode: number): OperationName | 'unknown' {
  return names.get(opCode) ?? 'unknown';
}

/** Looks at a request without using it up. */
export function observe(sessionId: bigint, xid: number, opCode: number, reader: JuteReader): ObservedRequest {
  const path = withoutPath.has(opCode) ? undefined : reader.peek(pathOf);
  return { sessionId, xid, opCode, operation: operationName(opCode), path };
}

/** Whether a request is meant. */
export function matches({ op, sessionId, path, when }: RequestMatch, request: ObservedRequest): boolean {
  if (typeof op === 'number' && op !== request.opCode) return false;
  if (typeof op === 'string' && !(families[op] ?? [OpCode[op]]).includes(request.opCode)) return false;
  if (sessionId !== undefined && sessionId !== request.sessionId) return false;
  if (path !== undefined && path !== request.path) return false;
  return when === undefined || when(request);
}

function pathOf(reader: JuteReader): string | undefined {
  try {
    return reader.ustring() ?? undefined;
  } catch {
    return undefined;
  }
}
