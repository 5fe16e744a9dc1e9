import { ErrorCode, errorName } from './error-code.js';
import { withoutBigints } from './json-safe.js';

/** Possible outcome of a request without a reply: `not-sent` or `unknown`. */
export type RequestOutcome = 'not-sent' | 'unknown';

/** Defines `name` and `code` on the prototype, so that the first line of the stack already contains them. */
function describe(
  errorClass: { readonly prototype: { name: string; readonly code: string } },
  name: string,
  code: string,
): void {
  Object.defineProperty(errorClass.prototype, 'name', { value: name, configurable: true, writable: true });
  Object.defineProperty(errorClass.prototype, 'code', { value: code, configurable: true, writable: true });
}

/** Largest number of paths of a transaction that a message lists. */
const PATHS_NAMED = 3;

/**
 * Describes a request for a message: the operation with its path, or with the first paths of a transaction.
 *
 * @param paths paths of the operations of a transaction
 */
export function describeRequest(operation: string, path: string | null, paths: readonly string[] = []): string {
  if (path !== null) return `${operation} ${path}`;
  const named = [...new Set(paths)];
  if (named.length === 0) return operation;
  const more = named.length > PATHS_NAMED ? ` and ${named.length - PATHS_NAMED} more` : '';
  return `${operation} of ${named.slice(0, PATHS_NAMED).join(', ')}${more}`;
}

/**
 * Returns the message of a cause without its error code. For a lost connection it returns only the reason of the loss, because the
 * surrounding message says the rest.
 */
function reasonOf(cause: unknown): string {
  if (cause instanceof ConnectionLossError) return reasonOf(cause.cause);
  if (!(cause instanceof Error)) return '';
  const code = cause instanceof ZooKeeperError ? ` (${cause.code})` : '';
  return `: ${code !== '' && cause.message.endsWith(code) ? cause.message.slice(0, -code.length) : cause.message}`;
}

/**
 * Converts an error to JSON: name, message, its own enumerable properties and its cause. 64-bit values become text, because JSON
 * numbers cannot hold them.
 *
 * @param error error whose own properties are plain data
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

/**
 * Base class of the errors that this client reports about ZooKeeper. Wrong use of the API throws a plain `TypeError` or `RangeError`
 * instead.
 */
export abstract class ZooKeeperError extends Error {
  /** Stable identifier that begins with `ZK_`. Programs test `code`; `message` is for people. */
  declare readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.message = `${message} (${this.code})`;
    // Own and enumerable, because loggers skip properties of the prototype.
    (this as { code: string }).code = this.code;
  }

  /** Returns the error as an object for loggers: name, message, code, the other properties and the cause. 64-bit values become text. */
  toJSON(): Record<string, unknown> {
    return errorToJson(this);
  }
}

/** Error code with which the server answered a request. Codes that have no subclass stay plain `KeeperError`. */
export class KeeperError extends ZooKeeperError {
  static {
    describe(KeeperError, 'KeeperError', 'ZK_KEEPER');
  }
  /** Error code of the server, e.g. -101; always negative. */
  readonly errorCode: number;
  /** Name of the operation in ZooKeeper's terms, e.g. `create`. */
  readonly operation: string;
  /** Path as the caller gave it; `null` for operations without a path. */
  readonly path: string | null;

  constructor(errorCode: number, operation: string, path: string | null) {
    const hint = hintOf(errorCode, operation);
    super(`${describeRequest(operation, path)}: ${errorName(errorCode)}${hint === null ? '' : `, ${hint}`}`);
    this.errorCode = errorCode;
    this.operation = operation;
    this.path = path;
  }
}

/** First server releases that support each operation. */
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

/** Returns advice for an error code that does not explain itself; `null` when there is no advice. */
function hintOf(errorCode: number, request: string): string | null {
  // In a transaction the last word is the name of the failed operation.
  const operation = request.slice(request.lastIndexOf(' ') + 1);
  if (errorCode === ErrorCode.NONODE && operation === 'create') {
    return 'its parent does not exist: create that first, as creatingParents() of a Keeper does';
  }
  if (errorCode === ErrorCode.NOTEMPTY) return 'delete its children first, as deletingChildren() of a Keeper does';
  return errorCode === ErrorCode.UNIMPLEMENTED ? (releases[operation] ?? null) : null;
}

/** Operation of a failed `multi` that did not run because an earlier operation had failed. */
export class RuntimeInconsistencyError extends KeeperError {
  declare readonly code: 'ZK_RUNTIME_INCONSISTENCY';
}
/** Inconsistent data on the server, found by the server itself. */
export class DataInconsistencyError extends KeeperError {
  declare readonly code: 'ZK_DATA_INCONSISTENCY';
}
/** Request that the server could not decode. */
export class RequestRejectedError extends KeeperError {
  declare readonly code: 'ZK_REQUEST_REJECTED';
}
/** Operation that the server does not know or has disabled. TTL znodes need `extendedTypesEnabled`. */
export class UnimplementedError extends KeeperError {
  declare readonly code: 'ZK_UNIMPLEMENTED';
}
/** Arguments that the server refused: path, flags, TTL, or the deletion of a protected znode. */
export class BadArgumentsError extends KeeperError {
  declare readonly code: 'ZK_BAD_ARGUMENTS';
}
/** Reconfiguration that would leave the new configuration without a quorum. */
export class NewConfigNoQuorumError extends KeeperError {
  declare readonly code: 'ZK_NEW_CONFIG_NO_QUORUM';
}
/** Reconfiguration that the server refused because another reconfiguration is in progress. */
export class ReconfigInProgressError extends KeeperError {
  declare readonly code: 'ZK_RECONFIG_IN_PROGRESS';
}
/** Missing znode; on create, a missing parent. */
export class NoNodeError extends KeeperError {
  declare readonly code: 'ZK_NO_NODE';
}
/** Operation that the ACL denies to the credentials of this connection. */
export class NoAuthError extends KeeperError {
  declare readonly code: 'ZK_NO_AUTH';
}
/** Version conflict: the znode has another version than the expected version. */
export class BadVersionError extends KeeperError {
  declare readonly code: 'ZK_BAD_VERSION';
}
/** Create below an ephemeral znode, which cannot have children. */
export class NoChildrenForEphemeralsError extends KeeperError {}
/** Create of a znode that exists already. */
export class NodeExistsError extends KeeperError {
  declare readonly code: 'ZK_NODE_EXISTS';
}
/** Delete of a znode that has children. */
export class NotEmptyError extends KeeperError {
  declare readonly code: 'ZK_NOT_EMPTY';
}
/** ACL that the server refused: the list is empty, or an entry has a scheme or an id that the server does not accept. */
export class InvalidAclError extends KeeperError {
  declare readonly code: 'ZK_INVALID_ACL';
}
/** Request on a session that is now attached to another server. The server did not execute the request. */
export class SessionMovedError extends KeeperError {
  declare readonly code: 'ZK_SESSION_MOVED';
}
/** Write that reached a server in read-only mode. The server did not execute the write. */
export class NotReadOnlyError extends KeeperError {
  declare readonly code: 'ZK_NOT_READ_ONLY';
}
/** Create of an ephemeral in a local session, which cannot own ephemerals. */
export class EphemeralOnLocalSessionError extends KeeperError {}
/** Removal of a watch that does not exist. */
export class NoWatcherError extends KeeperError {
  declare readonly code: 'ZK_NO_WATCHER';
}
/** Reconfiguration on a server that has dynamic reconfiguration disabled. */
export class ReconfigDisabledError extends KeeperError {
  declare readonly code: 'ZK_RECONFIG_DISABLED';
}
/** Request on a session that the server requires to authenticate first. */
export class SessionRequiresAuthError extends KeeperError {}
/** Operation that would exceed a hard quota. */
export class QuotaExceededError extends KeeperError {
  declare readonly code: 'ZK_QUOTA_EXCEEDED';
}
/** Request that the server refused because of its load. The server did not execute the request. */
export class ThrottledOpError extends KeeperError {
  declare readonly code: 'ZK_THROTTLED_OP';
}

/** Error of one operation in a failed `multi`: a `KeeperError` of the failed operation or of a later one, `null` for an earlier one. */
export interface MultiErrorResult {
  readonly type: 'error';
  readonly error: KeeperError | null;
}

/** Failed `multi`: the server applied none of its operations. `errorCode` is the code of the operation at `failedIndex`. */
export class MultiError extends KeeperError {
  declare readonly code: 'ZK_MULTI';
  static {
    describe(MultiError, 'MultiError', 'ZK_MULTI');
  }
  /**
   * Error of each operation. Operations before the failed one have `null`: they would have succeeded, and the server rolled them back.
   */
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

/** Connection lost before the reply came, or before the client could send the request. */
export class ConnectionLossError extends ZooKeeperError {
  declare readonly code: 'ZK_CONNECTION_LOSS';
  static {
    describe(ConnectionLossError, 'ConnectionLossError', 'ZK_CONNECTION_LOSS');
  }
  /** `not-sent`: the server has certainly not executed the request. `unknown`: the server may have executed the request or not. */
  readonly outcome: RequestOutcome;
  /** Name of the operation in ZooKeeper's terms. */
  readonly operation: string;
  /** Path as the caller gave it; `null` for operations without a path. */
  readonly path: string | null;
  /** Paths of the operations of a transaction; otherwise `path` alone, or an empty list. */
  readonly paths: readonly string[];

  /** @param paths paths of the operations of a transaction. Default: `path` alone */
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
 * Reason for the end of a session.
 *
 * - `server`: the server reported that the session is over; its ephemerals are deleted.
 * - `replaced`: the server answered with another session than the requested one.
 * - `silence`: no server sent anything for 4/3 of the session timeout.
 *
 * After `replaced` and `silence` the session and its ephemerals may exist on the servers for another session timeout.
 */
export type SessionExpiry = 'server' | 'replaced' | 'silence';

/**
 * End of the session: the server ended it, or this client gave it up. The watches of the session are gone, and this client can no
 * longer be used.
 */
export class SessionExpiredError extends ZooKeeperError {
  declare readonly code: 'ZK_SESSION_EXPIRED';
  static {
    describe(SessionExpiredError, 'SessionExpiredError', 'ZK_SESSION_EXPIRED');
  }
  /** Reason for the end of the session. Default `server`. */
  readonly expiry: SessionExpiry;

  constructor(message = 'session expired', options: ErrorOptions & { readonly expiry?: SessionExpiry } = {}) {
    super(message, options);
    this.expiry = options.expiry ?? 'server';
  }
}

/** Credentials that the server refused. */
export class AuthFailedError extends ZooKeeperError {
  declare readonly code: 'ZK_AUTH_FAILED';
  static {
    describe(AuthFailedError, 'AuthFailedError', 'ZK_AUTH_FAILED');
  }
  constructor(message = 'authentication failed', options?: ErrorOptions) {
    super(message, options);
  }
}

/** Request on a client that the caller has closed. */
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
 * Failure to get a session from any server. `errors` lists the last failure at each server, in the order in which the servers were
 * tried. When the caller aborted, `cause` is the signal's reason.
 */
export class ConnectFailedError extends AggregateError {
  static {
    describe(ConnectFailedError, 'ConnectFailedError', 'ZK_CONNECT_FAILED');
  }
  readonly code = 'ZK_CONNECT_FAILED';

  constructor(errors: readonly Error[], message: string, options?: ErrorOptions) {
    super(errors, `${message} (ZK_CONNECT_FAILED)`, options);
  }

  /** Returns the error as an object for loggers: name, message, code, and the failure at each server. */
  toJSON(): Record<string, unknown> {
    return {
      ...errorToJson(this),
      errors: this.errors.map((error: unknown) => (error instanceof Error ? error.message : String(error))),
    };
  }
}

/**
 * Reason for which a TLS connection failed.
 *
 * - `options`: the key, the certificate or the certificate authority cannot be read.
 * - `server-certificate`: the server's certificate is not trusted.
 * - `server-name`: the certificate is for another name.
 * - `client-certificate`: the server refuses the certificate of this client.
 * - `not-tls`: the server did not answer with TLS.
 * - `closed`: the server closed the connection during the handshake.
 * - `handshake`: client and server have no common version or cipher.
 * - `required`: the server answered with TLS, but the client is configured without TLS.
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

/** Failed TLS connection; `cause` is the error of Node. */
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

/** Chroot of the connect string that does not exist. Create the znode, or connect with `createChroot: true`. */
export class ChrootMissingError extends ZooKeeperError {
  declare readonly code: 'ZK_CHROOT_MISSING';
  static {
    describe(ChrootMissingError, 'ChrootMissingError', 'ZK_CHROOT_MISSING');
  }
  /** Chroot as written in the connect string. */
  readonly chroot: string;

  constructor(chroot: string) {
    super(`Expected the chroot ${chroot} of the connect string to exist: create it, or pass createChroot: true`);
    this.chroot = chroot;
  }
}

/** Malformed or too large frame, sent or received. The error contains the position of the fault, never the payload. */
export class MarshallingError extends ZooKeeperError {
  declare readonly code: 'ZK_MARSHALLING' | 'ZK_FRAME_TOO_LARGE' | 'ZK_REQUEST_TOO_LARGE';
  static {
    describe(MarshallingError, 'MarshallingError', 'ZK_MARSHALLING');
  }
  /** Byte offset in the frame at which the fault was found; -1 when no byte is at fault. */
  readonly offset: number;

  constructor(message: string, offset = -1, options?: ErrorOptions) {
    super(offset < 0 ? message : `${message} at byte ${offset}`, options);
    this.offset = offset;
  }
}

/**
 * Request or reply that is larger than `maxFrameBytes`. The connection stays open and other requests are not affected. A request that
 * is too large was not sent. If the reply is too large, the server has executed the request.
 */
export class FrameTooLargeError extends MarshallingError {
  static {
    describe(FrameTooLargeError, 'FrameTooLargeError', 'ZK_FRAME_TOO_LARGE');
  }
  /** Size of the frame in bytes. */
  readonly bytes: number;
  /** Largest allowed size in bytes. */
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
 * Request after which the server closed the connection every time, the last time with no other request in flight.
 *
 * The request is probably larger than the server's `jute.maxbuffer`. The server has most likely not executed a write. This error is
 * the `cause` of the `ConnectionLossError` of a write.
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

/**
 * Error codes of the server, each with its class, its name and the value of `code`.
 *
 * @see org.apache.zookeeper.KeeperException.Code
 */
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

/** Creates the error of one operation in a transaction. Codes about sessions do not occur there. */
export function keeperError(errorCode: number, operation: string, path: string | null): KeeperError {
  return new (classOf.get(errorCode) ?? KeeperError)(errorCode, operation, path);
}

/** Creates the error for the error code of a reply. */
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
