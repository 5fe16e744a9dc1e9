import type { Acl, Stat } from 'zookeeper-ts-client/protocol';
import type { ZnodeKind } from './znode.js';

/** Transaction that creates a znode. */
export interface CreateTransaction {
  readonly type: 'create';
  readonly path: string;
  readonly data: Buffer | null;
  readonly acl: readonly Acl[];
  readonly kind: ZnodeKind;
  /** Kind according to the flags alone. Until the transaction is applied, later operations of its `multi` see this kind. */
  readonly flaggedKind: ZnodeKind;
  /** Session that owns an ephemeral; 0 for other kinds. */
  readonly owner: bigint;
  /** Time to live in milliseconds; 0 unless the znode is a TTL znode. */
  readonly ttlMs: number;
  /** Number of creations of the parent, including this one. */
  readonly creations: number;
}

/** Transaction that deletes a znode without children. */
export interface DeleteTransaction {
  readonly type: 'delete';
  readonly path: string;
}

/** Transaction that replaces the data of a znode. */
export interface SetDataTransaction {
  readonly type: 'setData';
  readonly path: string;
  readonly data: Buffer | null;
  /** New version. */
  readonly version: number;
}

/** Transaction that replaces the ACL of a znode. */
export interface SetAclTransaction {
  readonly type: 'setAcl';
  readonly path: string;
  readonly acl: readonly Acl[];
  /** New aversion. */
  readonly version: number;
}

/** Transaction that changes nothing: its check was done when the transaction was prepared. */
export interface CheckTransaction {
  readonly type: 'check';
  readonly path: string;
}

/** Transaction that deletes the ephemerals of a session. */
interface CloseSessionTransaction {
  readonly type: 'closeSession';
  readonly sessionId: bigint;
}

/** Checked transaction, which can no longer fail. */
export type Transaction =
  | CreateTransaction
  | DeleteTransaction
  | SetDataTransaction
  | SetAclTransaction
  | CheckTransaction
  | CloseSessionTransaction;

/** Change of a znode, for its watchers. */
export interface Change {
  readonly type: 'created' | 'deleted' | 'dataChanged';
  readonly path: string;
  /** ACL of the znode. A watcher needs READ to receive the event. */
  readonly acl: readonly Acl[];
  /** ACL of the znode's parent. A watcher of the children needs READ to receive the event. */
  readonly parentAcl: readonly Acl[];
}

/** Result of a transaction. */
export interface Applied {
  /** Changes in order. */
  readonly changes: readonly Change[];
  /** Stat of the znode directly after the transaction; `null` if there is no znode. */
  readonly stat: Stat | null;
}
