import type { Acl, Stat } from 'zookeeper-ts-client/protocol';
import type { ZnodeKind } from './znode.js';

/** Makes a znode. */
export interface CreateTransaction {
  readonly type: 'create';
  readonly path: string;
  readonly data: Buffer | null;
  readonly acl: readonly Acl[];
  readonly kind: ZnodeKind;
  /** Kind by the flags alone: until the transaction is applied, later operations of its `multi` take the znode for that. */
  readonly flaggedKind: ZnodeKind;
  /** Session of an ephemeral, else 0. */
  readonly owner: bigint;
  /** Milliseconds, 0 unless it is a TTL znode. */
  readonly ttlMs: number;
  /** The parent's number of creations with this one. */
  readonly creations: number;
}

/** Removes a znode that has no children. */
export interface DeleteTransaction {
  readonly type: 'delete';
  readonly path: string;
}

/** Replaces the data of a znode. */
export interface SetDataTransaction {
  readonly type: 'setData';
  readonly path: string;
  readonly data: Buffer | null;
  /** The new version. */
  readonly version: number;
}

/** Replaces the ACL of a znode. */
export interface SetAclTransaction {
  readonly type: 'setAcl';
  readonly path: string;
  readonly acl: readonly Acl[];
  /** The new aversion. */
  readonly version: number;
}

/** Changes nothing: the check was done when the transaction was prepared. */
export interface CheckTransaction {
  readonly type: 'check';
  readonly path: string;
}

/** Removes the ephemerals of a session. */
interface CloseSessionTransaction {
  readonly type: 'closeSession';
  readonly sessionId: bigint;
}

/** A change that has been checked and cannot fail any more. */
export type Transaction =
  | CreateTransaction
  | DeleteTransaction
  | SetDataTransaction
  | SetAclTransaction
  | CheckTransaction
  | CloseSessionTransaction;

/** What happened to a znode, for those who watch it. */
export interface Change {
  readonly type: 'created' | 'deleted' | 'dataChanged';
  readonly path: string;
  /** ACL of the znode, of which a watcher needs READ to be told. */
  readonly acl: readonly Acl[];
  /** ACL of its parent, of which a watcher of the children needs READ. */
  readonly parentAcl: readonly Acl[];
}

/** What a transaction brought about. */
export interface Applied {
  /** What happened, in order. */
  readonly changes: readonly Change[];
  /** The znode right after it; `null` where it left none. */
  readonly stat: Stat | null;
}
