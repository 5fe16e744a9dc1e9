import { ZooKeeperError } from 'zookeeper-ts-client';

/** Base class of the recipes' own errors. Errors that ZooKeeper or the connection reports keep the classes of the client. */
export abstract class RecipeError extends ZooKeeperError {}

/**
 * Defines the name and the code of an error class on its prototype, so that the first line of the stack already contains them. For the
 * `static` block of a `RecipeError`.
 *
 * @param errorClass class that is being defined
 * @param name the class name
 * @param code begins with `ZK_`, and no other class has it
 */
export function describeError(
  errorClass: { readonly prototype: { name: string; readonly code: string } },
  name: string,
  code: `ZK_${string}`,
): void {
  Object.defineProperty(errorClass.prototype, 'name', { value: name, configurable: true, writable: true });
  Object.defineProperty(errorClass.prototype, 'code', { value: code, configurable: true, writable: true });
}

/**
 * Reason of the end of a hold.
 *
 * - `expired`: the session is over. The server ended it, or the client gave it up because no server answered for longer than it can live.
 * - `validity`: the validity clock ran out; the server may have ended the session, or is about to.
 * - `suspended`: the connection was lost, and the loss policy of the hold counts that as a loss.
 * - `deleted`: another client deleted the znode, or the znode no longer belongs to this session.
 * - `closed`: the `Keeper` was closed.
 * - `interrupted`: the owner was asked to release the hold.
 * - `released`: the owner released the hold.
 */
export type HoldLostReason = 'expired' | 'validity' | 'suspended' | 'deleted' | 'closed' | 'interrupted' | 'released';

const explanations: Readonly<Record<HoldLostReason, string>> = {
  expired: 'the session has expired',
  validity: 'the session may have expired by now',
  suspended: 'the connection was lost',
  deleted: 'its znode is gone',
  closed: 'the keeper was closed',
  interrupted: 'it was asked back',
  released: 'it was released',
};

/** End of a hold (a lock, a lease, a leadership). It is the reason of the hold's `signal`, and of waits that the end aborts. */
export class HoldLostError extends RecipeError {
  declare readonly code: 'ZK_HOLD_LOST';
  static {
    describeError(HoldLostError, 'HoldLostError', 'ZK_HOLD_LOST');
  }
  /** Znode of the hold, relative to the user's namespace. */
  readonly path: string;
  readonly reason: HoldLostReason;

  constructor(path: string, reason: HoldLostReason, options?: ErrorOptions) {
    super(`hold of ${path} ended: ${explanations[reason]}`, options);
    this.path = path;
    this.reason = reason;
  }
}

/**
 * Time limit of an operation that has passed. It is the `cause` of the `ConnectionLossError` with which the operation rejects. Its own
 * `cause` is the error of the last failed attempt, if any attempt has failed.
 */
export class TimeLimitError extends RecipeError {
  declare readonly code: 'ZK_TIME_LIMIT';
  static {
    describeError(TimeLimitError, 'TimeLimitError', 'ZK_TIME_LIMIT');
  }
}

/**
 * Owner of an existing znode that differs from the owner that the create would have given it. The znode would end with that session, or
 * would not end with this one.
 */
export class ZnodeOwnerError extends RecipeError {
  declare readonly code: 'ZK_ZNODE_OWNER';
  static {
    describeError(ZnodeOwnerError, 'ZnodeOwnerError', 'ZK_ZNODE_OWNER');
  }
  /** Real path of the znode, namespace included. */
  readonly path: string;
  /** Session that owns the ephemeral; 0n if the znode is not an ephemeral. */
  readonly ownerSessionId: bigint;

  /** @param expectedOwner session that owns the ephemeral of the create; 0n if the create makes no ephemeral */
  constructor(path: string, expectedOwner: bigint, ownerSessionId: bigint, options?: ErrorOptions) {
    super(`Expected ${path} to be ${nameOfKind(expectedOwner)}, got ${nameOfKind(ownerSessionId)}`, options);
    this.path = path;
    this.ownerSessionId = ownerSessionId;
  }
}

function nameOfKind(owner: bigint): string {
  if (owner === 0n) return 'a znode without an owner';
  return `an ephemeral of session 0x${BigInt.asUintN(64, owner).toString(16)}`;
}

/** Wait of a caller's function for an ending that itself waits for this function. The ending has begun, and continues. */
export class SelfWaitError extends RecipeError {
  declare readonly code: 'ZK_SELF_WAIT';
  static {
    describeError(SelfWaitError, 'SelfWaitError', 'ZK_SELF_WAIT');
  }

  /** @param ending name of the call, e.g. `close() of LeaderSelector` */
  constructor(ending: string, options?: ErrorOptions) {
    super(`${ending} waits for this function to end: end the function instead of waiting in it`, options);
  }
}

/**
 * List of a znode's children that is larger than a reply may be. Raise `maxFrameBytes` of the `Keeper`, and `jute.maxbuffer` of the
 * servers and other clients, or remove children. The connection stays usable.
 */
export class DirectoryTooLargeError extends RecipeError {
  declare readonly code: 'ZK_DIRECTORY_TOO_LARGE';
  static {
    describeError(DirectoryTooLargeError, 'DirectoryTooLargeError', 'ZK_DIRECTORY_TOO_LARGE');
  }
  /** Real path of the znode, namespace included. */
  readonly path: string;
  /** Number of children; `null` if it is not known. */
  readonly count: number | null;
  /** Size of the list in bytes; `limit` is the largest size allowed. */
  readonly bytes: number;
  readonly limit: number;

  constructor(
    path: string,
    { count, bytes, limit }: { readonly count: number | null; readonly bytes: number; readonly limit: number },
    options?: ErrorOptions,
  ) {
    const children = count === null ? 'its children' : `its ${count} children`;
    super(
      `the list of ${path} with ${children} has ${bytes} bytes, where at most ${limit} are allowed: raise maxFrameBytes, and ` +
        'jute.maxbuffer of the servers, or remove children',
      options,
    );
    this.path = path;
    this.count = count;
    this.bytes = bytes;
    this.limit = limit;
  }
}

/**
 * Foreign znode ahead in a line. Its name ends like a place, but it is not a place of Curator, kazoo or this recipe: for example the
 * directory of another lock. Keep lines and other znodes in separate directories.
 */
export class ForeignZnodeError extends RecipeError {
  declare readonly code: 'ZK_FOREIGN_ZNODE';
  static {
    describeError(ForeignZnodeError, 'ForeignZnodeError', 'ZK_FOREIGN_ZNODE');
  }
  /** Path of the znode, relative to the user's namespace. */
  readonly path: string;

  constructor(path: string, options?: ErrorOptions) {
    super(`expected places of this line alone ahead, got ${path}: keep other znodes out of the directory`, options);
    this.path = path;
  }
}

/** Use of a hold that no longer stands. */
export class NotHeldError extends RecipeError {
  declare readonly code: 'ZK_NOT_HELD';
  static {
    describeError(NotHeldError, 'NotHeldError', 'ZK_NOT_HELD');
  }
  /** Znode of the hold, relative to the user's namespace. */
  readonly path: string;

  constructor(path: string, options?: ErrorOptions) {
    super(`${path} is not held`, options);
    this.path = path;
  }
}

/**
 * Directory for whose sequential znodes the server has no numbers left. Use another directory, or delete and create the empty directory
 * again.
 */
export class SequenceUsedUpError extends RecipeError {
  declare readonly code: 'ZK_SEQUENCE_USED_UP';
  static {
    describeError(SequenceUsedUpError, 'SequenceUsedUpError', 'ZK_SEQUENCE_USED_UP');
  }
  /** Path of the directory, relative to the user's namespace. */
  readonly path: string;

  constructor(path: string, options?: ErrorOptions) {
    super(`no sequence numbers are left in ${path}`, options);
    this.path = path;
  }
}
