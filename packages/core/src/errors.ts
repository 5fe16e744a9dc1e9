import { ZooKeeperError } from 'zookeeper-ts-client';

/** Base of the errors that recipes have of their own. What ZooKeeper or the connection says keeps the client's classes. */
export abstract class RecipeError extends ZooKeeperError {}

/**
 * Gives an error class its name and code, on the prototype, so that the stack's first line already has them.
 * For the `static` block of a `RecipeError`.
 *
 * @param errorClass the class that is being defined
 * @param name equal to the class name
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
 * Why a hold ended.
 *
 * - `expired`: the session is over: ended by the server, or given up since nobody answered for longer than it can live.
 * - `validity`: the validity clock ran out; the server may have ended the session, or is about to.
 * - `suspended`: the connection was lost, and the hold's policy takes that for a loss.
 * - `deleted`: its znode is gone or no longer this session's, by somebody else's hand.
 * - `closed`: the `Keeper` was closed.
 * - `interrupted`: it was asked back, and its owner is to let go of it.
 * - `released`: its owner let go of it.
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

/** A hold (a lock, a lease, a leadership) stands no longer. The reason of its `signal`, and of what was waiting for it. */
export class HoldLostError extends RecipeError {
  declare readonly code: 'ZK_HOLD_LOST';
  static {
    describeError(HoldLostError, 'HoldLostError', 'ZK_HOLD_LOST');
  }
  /** Znode of the hold, as the recipe's user names it. */
  readonly path: string;
  readonly reason: HoldLostReason;

  constructor(path: string, reason: HoldLostReason, options?: ErrorOptions) {
    super(`hold of ${path} ended: ${explanations[reason]}`, options);
    this.path = path;
    this.reason = reason;
  }
}

/**
 * The time limit of an operation has passed. The `cause` of the `ConnectionLossError` with which the operation rejects; its own `cause` is
 * what the last attempt failed with, if any attempt has failed.
 */
export class TimeLimitError extends RecipeError {
  declare readonly code: 'ZK_TIME_LIMIT';
  static {
    describeError(TimeLimitError, 'TimeLimitError', 'ZK_TIME_LIMIT');
  }
}

/**
 * The znode that a create found in its place belongs to another session than one that the create would have made: it would end with that
 * session, or would not end with this one.
 */
export class ZnodeOwnerError extends RecipeError {
  declare readonly code: 'ZK_ZNODE_OWNER';
  static {
    describeError(ZnodeOwnerError, 'ZnodeOwnerError', 'ZK_ZNODE_OWNER');
  }
  /** Real path of the znode, namespace included. */
  readonly path: string;
  /** Session whose ephemeral the znode is; 0n if it is none. */
  readonly ownerSessionId: bigint;

  /** @param expectedOwner session whose ephemeral the create makes; 0n if it makes none */
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

/** A function of the caller waits for an ending that waits for this function. The ending has begun, and goes on. */
export class SelfWaitError extends RecipeError {
  declare readonly code: 'ZK_SELF_WAIT';
  static {
    describeError(SelfWaitError, 'SelfWaitError', 'ZK_SELF_WAIT');
  }

  /** @param ending what was called, e.g. `close() of LeaderSelector` */
  constructor(ending: string, options?: ErrorOptions) {
    super(`${ending} waits for this function to end: end the function instead of waiting in it`, options);
  }
}

/**
 * The list of a znode's children is larger than a reply may be. Raise `maxFrameBytes` of the `Keeper`, and `jute.maxbuffer` of the servers and
 * other clients, or remove children. Nothing else is harmed: the connection stands.
 */
export class DirectoryTooLargeError extends RecipeError {
  declare readonly code: 'ZK_DIRECTORY_TOO_LARGE';
  static {
    describeError(DirectoryTooLargeError, 'DirectoryTooLargeError', 'ZK_DIRECTORY_TOO_LARGE');
  }
  /** Real path of the znode, namespace included. */
  readonly path: string;
  /** Number of children, `null` if it is not known. */
  readonly count: number | null;
  /** Size of the list in bytes, and the largest one allowed. */
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
 * A znode stands ahead in a line that is no place of Curator, of kazoo or of this recipe, and whose name ends like one: for instance the
 * directory of another lock. Keep lines and other znodes in directories of their own.
 */
export class ForeignZnodeError extends RecipeError {
  declare readonly code: 'ZK_FOREIGN_ZNODE';
  static {
    describeError(ForeignZnodeError, 'ForeignZnodeError', 'ZK_FOREIGN_ZNODE');
  }
  /** The znode, as the recipe's user names it. */
  readonly path: string;

  constructor(path: string, options?: ErrorOptions) {
    super(`expected places of this line alone ahead, got ${path}: keep other znodes out of the directory`, options);
    this.path = path;
  }
}

/** Something was asked of a hold that does not stand any more. */
export class NotHeldError extends RecipeError {
  declare readonly code: 'ZK_NOT_HELD';
  static {
    describeError(NotHeldError, 'NotHeldError', 'ZK_NOT_HELD');
  }
  /** Znode of the hold, as the recipe's user names it. */
  readonly path: string;

  constructor(path: string, options?: ErrorOptions) {
    super(`${path} is not held`, options);
    this.path = path;
  }
}

/** The server has no numbers left for sequential znodes of a directory. Use another, or remove and re-create the empty one. */
export class SequenceUsedUpError extends RecipeError {
  declare readonly code: 'ZK_SEQUENCE_USED_UP';
  static {
    describeError(SequenceUsedUpError, 'SequenceUsedUpError', 'ZK_SEQUENCE_USED_UP');
  }
  /** The directory, as the recipe's user names it. */
  readonly path: string;

  constructor(path: string, options?: ErrorOptions) {
    super(`no sequence numbers are left in ${path}`, options);
    this.path = path;
  }
}
