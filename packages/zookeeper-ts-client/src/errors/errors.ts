import { ErrorCode, errorName } from './error-code.js';
import { withoutBigints } from './json-safe.js';

/** What may have become of a request whose reply never came. */
export type RequestOutcome = 'not-sent' | 'unknown';

/** Puts `name` and `code` on the prototype, so that the stack's first line already has them. */
function describe(
  errorClass: { readonly prototype: { name: string; readonly code: string } },
  name: string,
  code: string,
): void {
  Object.defineProperty(errorClass.prototype, 'name', { value: name, configurable: true, writable: true });
  Object.defineProperty(errorClass.prototype, 'code', { value: code, configurable: true, writable: true });
}

/** How many paths of a transaction a message names. */
const PATHS_NAMED = 3;

/**
 * Names a request for a message: its operation and its path, or the first paths of a transaction.
 *
 * @param paths those of the operations of a transaction
 */
export function describeRequest(operation: string, path: string | null, paths: readonly string[] = []): string {
  if (path !== null) return `${operation} ${path}`;
  const named = [...new Set(paths)];
  if (named.length === 0) return operation;
  const more = named.length > PATHS_NAMED ? ` and ${named.length - PATHS_NAMED} more` : '';
  return `${operation} of ${named.slice(0, PATHS_NAMED).join(', ')}${more}`;
}

/** The message of a cause without its code, and of a lost connection only why it was lost: the message around it says the rest. */
function reasonOf(cause: unknown): string {
  if (cause instanceof ConnectionLossError) return reasonOf(cause.cause);
  if (!(cause instanceof Error)) return '';
  const code = cause instanceof ZooKeeperError ? ` (${cause.code})` : '';
  return `: ${code !== '' && cause.message.endsWith(code) ? cause.message.slice(0, -code.length) : cause.message}`;
}

/**
 * An error as JSON: name, message, its own enumerable properties and its cause. Values of 64 bits become text, which JSON has no numbers for.
 *
 * @param error one whose own properties are plain data
 */
function errorToJson(error: Error): Record<string, unknown> {
  const { name, message, cause } = error;
  const json: Record<string, unknown> = { name, message, ...withoutBigints(error) };
  if (cause !== undefined) json['cause'] = cause instanceof Error ? causeToJson(cause) : String(cause);
  return json;
}

function causeToJson(cause: Error & { readonly code?: unknown }): unknown {
  if (cause instanceof ZooKeeperError || cause instanceof ConnectFailedError) return cause;
  return { name: cause.name, message: cause.message, ...(cause.code !== undefined && { code: String(cause.code) }) };
}

/** Base of every error that this client reports about ZooKeeper; misuse is a plain `TypeError` or `RangeError`. */
export abstract class ZooKeeperError extends Error {
  /** A stable literal that begins with `ZK_`; for programs, where `message` is for people. */
  declare readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.message = `${message} (${this.code})`;
    // Own and enumerable: loggers drop what is on the prototype.
    (this as { code: string }).code = this.code;
  }

  /** The error for loggers: name, message, code, the other properties and the cause, with values of 64 bits as text. */
  toJSON(): Record<string, unknown> {
    return errorToJson(this);
  }
}

/** The server answered a request with an error code. Codes without a class of their own stay `KeeperError`. */
export class KeeperError extends ZooKeeperError {
  static {
    describe(KeeperError, 'KeeperError', 'ZK_KEEPER');
  }
  /** The server's number, e.g. -101; 0 and positive numbers do not occur. */
  readonly errorCode: number;
  /** Name of the operation in ZooKeeper's words, e.g. `create`. */
  readonly operation: string;
  /** The path as the caller gave it, `null` for operations without one. */
  readonly path: string | null;

  constructor(errorCode: number, operation: string, path: string | null) {
    const hint = hintOf(errorCode, operation);
    super(`${describeRequest(operation, path)}: ${errorName(errorCode)}${hint === null ? '' : `, ${hint}`}`);
    this.errorCode = errorCode;
    this.operation = operation;
    this.path = path;
  }
}

/** From which release on servers know an operation. */
const releases: Readonly<Record<string, string>> = {
  create:
    'servers make containers from 3.5.1 on, and TTL znodes from 3.5.3 on with zookeeper.extendedTypesEnabled=true',
  removeWatches: 'servers know it from 3.5.0 on',
  reconfig: 'servers know it from 3.5.0 on',
  addWatch: 'servers know it from 3.6.0 on',
  multiRead: 'servers know it from 3.6.0 on',
  getEphemerals: 'servers know it from 3.6.0 on',
  getAllChildrenNumber: 'servers know it from 3.6.0 on',
  whoAmI: 'servers know it from 3.7.0 on',
};

/** What to do about a refusal whose code alone does not say it. */
function hintOf(errorCode: number, request: string): string | null {
  // Of a transaction the last word names the operation that failed.
  const operation = request.slice(request.lastIndexOf(' ') + 1);
  if (errorCode === ErrorCode.NONODE && operation === 'create') {
    return 'its parent does not exist: create that first, as creatingParents() of a Keeper does';
  }
  if (errorCode === ErrorCode.NOTEMPTY) return 'delete its children first, as deletingChildren() of a Keeper does';
  return errorCode === ErrorCode.UNIMPLEMENTED ? (releases[operation] ?? null) : null;
}

/** An operation of a failed `multi` that was not run because an earlier one had failed. */
export class RuntimeInconsistencyError extends KeeperError {
  declare readonly code: 'ZK_RUNTIME_INCONSISTENCY';
}
/** The server found its own data inconsistent. */
export class DataInconsistencyError extends KeeperError {
  declare readonly code: 'ZK_DATA_INCONSISTENCY';
}
/** The server could not decode the request. */
export class RequestRejectedError extends KeeperError {
  declare readonly code: 'ZK_REQUEST_REJECTED';
}
/** The server does not know the operation, or has it disabled (TTL nodes need `extendedTypesEnabled`). */
export class UnimplementedError extends KeeperError {
  declare readonly code: 'ZK_UNIMPLEMENTED';
}
/** The server refused the arguments: path, flags, TTL, or deletion of a protected znode. */
export class BadArgumentsError extends KeeperError {
  declare readonly code: 'ZK_BAD_ARGUMENTS';
}
/** A reconfiguration would leave no quorum of the new configuration. */
export class NewConfigNoQuorumError extends KeeperError {
  declare readonly code: 'ZK_NEW_CONFIG_NO_QUORUM';
}
/** Another reconfiguration is under way. */
export class ReconfigInProgressError extends KeeperError {
  declare readonly code: 'ZK_RECONFIG_IN_PROGRESS';
}
/** The znode, or on create its parent, does not exist. */
export class NoNodeError extends KeeperError {
  declare readonly code: 'ZK_NO_NODE';
}
/** The ACL denies the operation to the credentials of this connection. */
export class NoAuthError extends KeeperError {
  declare readonly code: 'ZK_NO_AUTH';
}
/** The znode has another version than the one expected. */
export class BadVersionError extends KeeperError {
  declare readonly code: 'ZK_BAD_VERSION';
}
/** The parent is ephemeral and cannot have children. */
export class NoChildrenForEphemeralsError extends KeeperError {}
/** The znode exists already. */
export class NodeExistsError extends KeeperError {
  declare readonly code: 'ZK_NODE_EXISTS';
}
/** The znode has children and cannot be deleted. */
export class NotEmptyError extends KeeperError {
  declare readonly code: 'ZK_NOT_EMPTY';
}
/** The ACL list is empty, or has a scheme or an id that the server does not accept. */
export class InvalidAclError extends KeeperError {
  declare readonly code: 'ZK_INVALID_ACL';
}
/** The session is attached to another server now; the request was not executed. */
export class SessionMovedError extends KeeperError {
  declare readonly code: 'ZK_SESSION_MOVED';
}
/** A write reached a server in read-only mode; it was not executed. */
export class NotReadOnlyError extends KeeperError {
  declare readonly code: 'ZK_NOT_READ_ONLY';
}
/** A local session cannot own ephemerals. */
export class EphemeralOnLocalSessionError extends KeeperError {}
/** There is no such watch to remove. */
export class NoWatcherError extends KeeperError {
  declare readonly code: 'ZK_NO_WATCHER';
}
/** Dynamic reconfiguration is disabled on the server. */
export class ReconfigDisabledError extends KeeperError {
  declare readonly code: 'ZK_RECONFIG_DISABLED';
}
/** The server demands authentication of the session first. */
export class SessionRequiresAuthError extends KeeperError {}
/** A hard quota would be exceeded. */
export class QuotaExceededError extends KeeperError {
  declare readonly code: 'ZK_QUOTA_EXCEEDED';
}
/** The server refused the request under load; it was not executed. */
export class ThrottledOpError extends KeeperError {
  declare readonly code: 'ZK_THROTTLED_OP';
}

/** One operation of a `multi` that did not succeed: `KeeperError` of the culprit, or of those it took along. */
export interface MultiErrorResult {
  readonly type: 'error';
  readonly error: KeeperError | null;
}

/** A `multi` that was refused: nothing of it was applied. Its `errorCode` is that of the operation at `failedIndex`. */
export class MultiError extends KeeperError {
  declare readonly code: 'ZK_MULTI';
  static {
    describe(MultiError, 'MultiError', 'ZK_MULTI');
  }
  /** For each operation its error; `null` for those before the culprit, which would have succeeded and were rolled back. */
  readonly results: readonly MultiErrorResult[];
  /** Index of the operation that failed. */
  readonly failedIndex: number;

  constructor(results: readonly MultiErrorResult[], failedIndex: number) {
    const culprit = results[failedIndex]?.error ?? null;
    const what = culprit === null ? '' : ` ${culprit.operation}`;
    super(culprit?.errorCode ?? ErrorCode.SYSTEMERROR, `multi, operation ${failedIndex}${what}`, culprit?.path ?? null);
    this.results = results;
    this.failedIndex = failedIndex;
    if (culprit !== null) this.cause = culprit;
  }
}

/** The connection was lost before the reply came, or before the request could be sent. */
export class ConnectionLossError extends ZooKeeperError {
  declare readonly code: 'ZK_CONNECTION_LOSS';
  static {
    describe(ConnectionLossError, 'ConnectionLossError', 'ZK_CONNECTION_LOSS');
  }
  /** `not-sent`: certainly not executed. `unknown`: executed or not, nobody can tell from here. */
  readonly outcome: RequestOutcome;
  /** Name of the operation in ZooKeeper's words. */
  readonly operation: string;
  /** The path as the caller gave it, `null` for operations without one. */
  readonly path: string | null;
  /** The paths of the operations of a transaction; else `path` alone, or none. */
  readonly paths: readonly string[];

  /** @param paths those of the operations of a transaction. Default: `path` alone */
  constructor(
    operation: string,
    path: string | null,
    outcome: RequestOutcome,
    cause?: unknown,
    paths: readonly string[] = path === null ? [] : [path],
  ) {
    super(`${describeRequest(operation, path, paths)}: connection lost, outcome ${outcome}${reasonOf(cause)}`, {
      cause,
    });
    this.operation = operation;
    this.path = path;
    this.paths = paths;
    this.outcome = outcome;
  }
}

/**
 * How a session ended.
 *
 * - `server`: the server said that the session is over; its ephemerals are gone.
 * - `replaced`: the server answered for another session than the one asked for.
 * - `silence`: no server said anything for 4/3 of the session timeout.
 *
 * After `replaced` and `silence` the session may live on at the servers, and its ephemerals with it, for a session timeout.
 */
export type SessionExpiry = 'server' | 'replaced' | 'silence';

/** The session is over: the server has ended it, or this client has given it up. Its watches are gone, and this client with them. */
export class SessionExpiredError extends ZooKeeperError {
  declare readonly code: 'ZK_SESSION_EXPIRED';
  static {
    describe(SessionExpiredError, 'SessionExpiredError', 'ZK_SESSION_EXPIRED');
  }
  /** How the session ended; `server` unless something else is known. */
  readonly expiry: SessionExpiry;

  constructor(message = 'session expired', options: ErrorOptions & { readonly expiry?: SessionExpiry } = {}) {
    super(message, options);
    this.expiry = options.expiry ?? 'server';
  }
}

/** The server refused the credentials. */
export class AuthFailedError extends ZooKeeperError {
  declare readonly code: 'ZK_AUTH_FAILED';
  static {
    describe(AuthFailedError, 'AuthFailedError', 'ZK_AUTH_FAILED');
  }
  constructor(message = 'authentication failed', options?: ErrorOptions) {
    super(message, options);
  }
}

/** The client was closed by its user. */
export class ClosedError extends ZooKeeperError {
  declare readonly code: 'ZK_CLOSED';
  static {
    describe(ClosedError, 'ClosedError', 'ZK_CLOSED');
  }
  constructor(message = 'client is closed', options?: ErrorOptions) {
    super(message, options);
  }
}

/**
 * No server gave a session: `errors` has the last failure at each server, in the order in which they were tried. The `cause`
 * is the signal's reason when the caller gave up.
 */
export class ConnectFailedError extends AggregateError {
  static {
    describe(ConnectFailedError, 'ConnectFailedError', 'ZK_CONNECT_FAILED');
  }
  readonly code = 'ZK_CONNECT_FAILED';

  constructor(errors: readonly Error[], message: string, options?: ErrorOptions) {
    super(errors, `${message} (ZK_CONNECT_FAILED)`, options);
  }

  /** The error for loggers: name, message, code, and what each server said. */
  toJSON(): Record<string, unknown> {
    return {
      ...errorToJson(this),
      errors: this.errors.map((error: unknown) => (error instanceof Error ? error.message : String(error))),
    };
  }
}

/**
 * Why a connection over TLS could not be made. `options`: key, certificate or authority cannot be read. `server-certificate`: not trusted.
 * `server-name`: the certificate is for another name. `client-certificate`: the server refuses that of this client. `not-tls`: the server answered
 * in something else. `closed`: it closed the connection in the handshake. `handshake`: no common version or cipher. `required`: the server speaks
 * TLS, and the client was not told to.
 */
export type TlsFailure =
  | 'options'
  | 'server-certificate'
  | 'server-name'
  | 'client-certificate'
  | 'not-tls'
  | 'closed'
  | 'handshake'
  | 'required';

/** A connection over TLS could not be made; its `cause` is the error of Node. */
export class TlsError extends ZooKeeperError {
  declare readonly code: 'ZK_TLS';
  static {
    describe(TlsError, 'TlsError', 'ZK_TLS');
  }
  readonly failure: TlsFailure;

  constructor(failure: TlsFailure, advice: string, { cause }: { readonly cause: Error }) {
    super(`${advice}: ${cause.message}`, { cause });
    this.failure = failure;
  }
}

/** The znode that the connect string names as chroot does not exist. Create it, or connect with `createChroot: true`. */
export class ChrootMissingError extends ZooKeeperError {
  declare readonly code: 'ZK_CHROOT_MISSING';
  static {
    describe(ChrootMissingError, 'ChrootMissingError', 'ZK_CHROOT_MISSING');
  }
  /** The chroot, as the connect string has it. */
  readonly chroot: string;

  constructor(chroot: string) {
    super(`Expected the chroot ${chroot} of the connect string to exist: create it, or pass createChroot: true`);
    this.chroot = chroot;
  }
}

/** A frame, in or out, that is malformed or too large. Carries the place, never the payload. */
export class MarshallingError extends ZooKeeperError {
  declare readonly code: 'ZK_MARSHALLING' | 'ZK_FRAME_TOO_LARGE' | 'ZK_REQUEST_TOO_LARGE';
  static {
    describe(MarshallingError, 'MarshallingError', 'ZK_MARSHALLING');
  }
  /** Byte in the frame at which it was noticed; -1 where no byte is to blame. */
  readonly offset: number;

  constructor(message: string, offset = -1, options?: ErrorOptions) {
    super(offset < 0 ? message : `${message} at byte ${offset}`, options);
    this.offset = offset;
  }
}

/**
 * A request or a reply is larger than `maxFrameBytes` allows. Nothing else is harmed: the connection stands. A request was not
 * sent; of a reply the server has executed the request.
 */
export class FrameTooLargeError extends MarshallingError {
  static {
    describe(FrameTooLargeError, 'FrameTooLargeError', 'ZK_FRAME_TOO_LARGE');
  }
  /** Size of the frame in bytes. */
  readonly bytes: number;
  /** The largest one allowed, in bytes. */
  readonly limit: number;

  constructor(what: string, bytes: number, limit: number) {
    super(
      `${what} of ${bytes} bytes, where at most ${limit} are allowed: raise maxFrameBytes, and jute.maxbuffer of the servers`,
    );
    this.bytes = bytes;
    this.limit = limit;
  }
}

/**
 * The server closed the connection each time that it was sent this request, the last time with no other request beside it: the request is probably
 * larger than `jute.maxbuffer` of the server. A write has most likely not been executed; this error is the `cause` of its `ConnectionLossError`.
 */
export class RequestTooLargeError extends MarshallingError {
  static {
    describe(RequestTooLargeError, 'RequestTooLargeError', 'ZK_REQUEST_TOO_LARGE');
  }
  /** Size of the request in bytes. */
  readonly bytes: number;

  constructor(what: string, bytes: number, options?: ErrorOptions) {
    super(
      `the server closed the connection when it was sent ${what} of ${bytes} bytes alone: send less, or raise jute.maxbuffer of the servers`,
      -1,
      options,
    );
    this.bytes = bytes;
  }
}

/** Each code of the server with its class, and the literal by which programs know it. @see org.apache.zookeeper.KeeperException.Code */
const keeperErrors: readonly (readonly [
  errorCode: number,
  errorClass: typeof KeeperError,
  name: string,
  code: string,
])[] = [
  [ErrorCode.RUNTIMEINCONSISTENCY, RuntimeInconsistencyError, 'RuntimeInconsistencyError', 'ZK_RUNTIME_INCONSISTENCY'],
  [ErrorCode.DATAINCONSISTENCY, DataInconsistencyError, 'DataInconsistencyError', 'ZK_DATA_INCONSISTENCY'],
  [ErrorCode.MARSHALLINGERROR, RequestRejectedError, 'RequestRejectedError', 'ZK_REQUEST_REJECTED'],
  [ErrorCode.UNIMPLEMENTED, UnimplementedError, 'UnimplementedError', 'ZK_UNIMPLEMENTED'],
  [ErrorCode.BADARGUMENTS, BadArgumentsError, 'BadArgumentsError', 'ZK_BAD_ARGUMENTS'],
  [ErrorCode.NEWCONFIGNOQUORUM, NewConfigNoQuorumError, 'NewConfigNoQuorumError', 'ZK_NEW_CONFIG_NO_QUORUM'],
  [ErrorCode.RECONFIGINPROGRESS, ReconfigInProgressError, 'ReconfigInProgressError', 'ZK_RECONFIG_IN_PROGRESS'],
  [ErrorCode.NONODE, NoNodeError, 'NoNodeError', 'ZK_NO_NODE'],
  [ErrorCode.NOAUTH, NoAuthError, 'NoAuthError', 'ZK_NO_AUTH'],
  [ErrorCode.BADVERSION, BadVersionError, 'BadVersionError', 'ZK_BAD_VERSION'],
  [
    ErrorCode.NOCHILDRENFOREPHEMERALS,
    NoChildrenForEphemeralsError,
    'NoChildrenForEphemeralsError',
    'ZK_NO_CHILDREN_FOR_EPHEMERALS',
  ],
  [ErrorCode.NODEEXISTS, NodeExistsError, 'NodeExistsError', 'ZK_NODE_EXISTS'],
  [ErrorCode.NOTEMPTY, NotEmptyError, 'NotEmptyError', 'ZK_NOT_EMPTY'],
  [ErrorCode.INVALIDACL, InvalidAclError, 'InvalidAclError', 'ZK_INVALID_ACL'],
  [ErrorCode.SESSIONMOVED, SessionMovedError, 'SessionMovedError', 'ZK_SESSION_MOVED'],
  [ErrorCode.NOTREADONLY, NotReadOnlyError, 'NotReadOnlyError', 'ZK_NOT_READ_ONLY'],
  [
    ErrorCode.EPHEMERALONLOCALSESSION,
    EphemeralOnLocalSessionError,
    'EphemeralOnLocalSessionError',
    'ZK_EPHEMERAL_ON_LOCAL_SESSION',
  ],
  [ErrorCode.NOWATCHER, NoWatcherError, 'NoWatcherError', 'ZK_NO_WATCHER'],
  [ErrorCode.RECONFIGDISABLED, ReconfigDisabledError, 'ReconfigDisabledError', 'ZK_RECONFIG_DISABLED'],
  [
    ErrorCode.SESSIONCLOSEDREQUIRESASLAUTH,
    SessionRequiresAuthError,
    'SessionRequiresAuthError',
    'ZK_SESSION_REQUIRES_AUTH',
  ],
  [ErrorCode.QUOTAEXCEEDED, QuotaExceededError, 'QuotaExceededError', 'ZK_QUOTA_EXCEEDED'],
  [ErrorCode.THROTTLEDOP, ThrottledOpError, 'ThrottledOpError', 'ZK_THROTTLED_OP'],
];

const classOf: ReadonlyMap<number, typeof KeeperError> = new Map(
  keeperErrors.map(([code, errorClass]) => [code, errorClass]),
);

for (const [, errorClass, name, code] of keeperErrors) describe(errorClass, name, code);

/** The error of one operation inside a transaction, where codes about sessions do not occur. */
export function keeperError(errorCode: number, operation: string, path: string | null): KeeperError {
  return new (classOf.get(errorCode) ?? KeeperError)(errorCode, operation, path);
}

/** The error that a reply's code stands for. */
export function errorOfReply(errorCode: number, operation: string, path: string | null): ZooKeeperError {
  switch (errorCode) {
    case ErrorCode.SESSIONEXPIRED:
    case ErrorCode.UNKNOWNSESSION:
      return new SessionExpiredError(`${describeRequest(operation, path)}: session expired`);
    case ErrorCode.AUTHFAILED:
      return new AuthFailedError();
    case ErrorCode.CONNECTIONLOSS:
      return new ConnectionLossError(operation, path, 'unknown');
    default:
      return keeperError(errorCode, operation, path);
  }
}
