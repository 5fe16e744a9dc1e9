import { ErrorCode, type Id, OpCode } from 'zookeeper-ts-client/protocol';
import { isAllowed, Perms, resolveAcl } from './access-control.js';
import { type GivenCreate, type GivenData, type GivenSetAcl, type GivenVersion, present } from './request-records.js';
import type {
  CheckTransaction,
  CreateTransaction,
  DeleteTransaction,
  SetAclTransaction,
  SetDataTransaction,
} from './transaction.js';
import type { ZnodeKind, ZnodeRecord } from './znode.js';
import { isProtected, isValidPath, parentPath, sequenceSuffix } from './znode-path.js';

/** Transaction, or the error code with which the request is refused. */
export type Prepared<T> = T | number;

/** View against which requests are checked: the tree, or the tree as it will be in the middle of a `multi`. */
export interface Outlook {
  get(path: string): ZnodeRecord | undefined;
  /** Whether a hard quota forbids the growth of a subtree. */
  exceedsQuota(path: string, bytes: number, count: number): boolean;
  /** Whether ids of the scheme `ip` may be IPv6 addresses. */
  readonly knowsIpv6: boolean;
}

/** Sender of a request. */
export interface Requester {
  readonly sessionId: bigint;
  readonly identities: readonly Id[];
}

/** Longest life of a TTL znode, in milliseconds. */
const MAX_TTL_MS = 0xff_ffff_ffff;

/** Meaning of each create flag. @see org.apache.zookeeper.CreateMode */
const modes: readonly { readonly kind: ZnodeKind; readonly isSequential: boolean }[] = [
  { kind: 'persistent', isSequential: false },
  { kind: 'ephemeral', isSequential: false },
  { kind: 'persistent', isSequential: true },
  { kind: 'ephemeral', isSequential: true },
  { kind: 'container', isSequential: false },
  { kind: 'ttl', isSequential: false },
  { kind: 'ttl', isSequential: true },
];

/**
 * Checks a create in the order of the real server: flags, TTL, path, ACL, parent, permission, the whole path, existence, kind of the
 * parent, quota.
 *
 * @param opCode code of one of the four creates; it decides whether the znode is a container, whatever the flags are
 * @see org.apache.zookeeper.server.PrepRequestProcessor#pRequest2TxnCreate
 */
export function prepareCreate(
  opCode: number,
  request: GivenCreate,
  outlook: Outlook,
  requester: Requester,
): Prepared<CreateTransaction> {
  const mode = modes[request.flags];
  if (mode === undefined) return ErrorCode.BADARGUMENTS;
  const ttlMs = opCode === OpCode.createTTL ? request.ttl : -1;
  if (mode.kind === 'ttl' ? ttlMs <= 0 || ttlMs > MAX_TTL_MS : ttlMs >= 0) return ErrorCode.BADARGUMENTS;
  const given = present(request.path);
  const above = parentPath(given);
  if (above === null) return ErrorCode.BADARGUMENTS;
  const acl = resolveAcl(request.acl, requester.identities, outlook.knowsIpv6);
  if (acl === null) return ErrorCode.INVALIDACL;
  const parent = outlook.get(above);
  if (parent === undefined) return ErrorCode.NONODE;
  if (!isAllowed(parent.acl, Perms.CREATE, requester.identities)) return ErrorCode.NOAUTH;
  const path = mode.isSequential ? given + sequenceSuffix(parent.creations) : given;
  if (!isValidPath(path)) return ErrorCode.BADARGUMENTS;
  if (outlook.get(path) !== undefined) return ErrorCode.NODEEXISTS;
  if (parent.kind === 'ephemeral') return ErrorCode.NOCHILDRENFOREPHEMERALS;
  const { data } = request;
  if (outlook.exceedsQuota(path, data?.length ?? 0, 1)) return ErrorCode.QUOTAEXCEEDED;
  const kind = kindOf(opCode, mode.kind);
  return {
    type: 'create',
    path,
    data,
    acl,
    kind,
    flaggedKind: mode.kind,
    owner: kind === 'ephemeral' ? requester.sessionId : 0n,
    ttlMs: kind === 'ttl' ? ttlMs : 0,
    creations: (parent.creations + 1) | 0,
  };
}

function kindOf(opCode: number, kind: ZnodeKind): ZnodeKind {
  if (opCode === OpCode.createContainer) return 'container';
  return kind === 'container' ? 'persistent' : kind;
}

/** Checks a delete. */
export function prepareDelete(
  request: GivenVersion,
  outlook: Outlook,
  requester: Requester,
): Prepared<DeleteTransaction> {
  const path = present(request.path);
  const above = parentPath(path);
  if (above === null || isProtected(path)) return ErrorCode.BADARGUMENTS;
  const parent = outlook.get(above);
  if (parent === undefined) return ErrorCode.NONODE;
  if (!isAllowed(parent.acl, Perms.DELETE, requester.identities)) return ErrorCode.NOAUTH;
  const znode = outlook.get(path);
  if (znode === undefined) return ErrorCode.NONODE;
  if (differs(request.version, znode.version)) return ErrorCode.BADVERSION;
  if (znode.childCount > 0) return ErrorCode.NOTEMPTY;
  return { type: 'delete', path };
}

/** Checks a change of data. */
export function prepareSetData(
  request: GivenData,
  outlook: Outlook,
  requester: Requester,
): Prepared<SetDataTransaction> {
  const { path, data } = request;
  if (path === null || !isValidPath(path)) return ErrorCode.BADARGUMENTS;
  const znode = outlook.get(path);
  if (znode === undefined) return ErrorCode.NONODE;
  if (!isAllowed(znode.acl, Perms.WRITE, requester.identities)) return ErrorCode.NOAUTH;
  const growth = (data?.length ?? 0) - (znode.data?.length ?? 0);
  if (outlook.exceedsQuota(path, growth, 0)) return ErrorCode.QUOTAEXCEEDED;
  if (differs(request.version, znode.version)) return ErrorCode.BADVERSION;
  return { type: 'setData', path, data, version: (znode.version + 1) | 0 };
}

/** Checks a change of an ACL. */
export function prepareSetAcl(
  request: GivenSetAcl,
  outlook: Outlook,
  requester: Requester,
): Prepared<SetAclTransaction> {
  const { path } = request;
  if (path === null || !isValidPath(path)) return ErrorCode.BADARGUMENTS;
  const acl = resolveAcl(request.acl, requester.identities, outlook.knowsIpv6);
  if (acl === null) return ErrorCode.INVALIDACL;
  const znode = outlook.get(path);
  if (znode === undefined) return ErrorCode.NONODE;
  if (!isAllowed(znode.acl, Perms.ADMIN, requester.identities)) return ErrorCode.NOAUTH;
  if (differs(request.version, znode.aversion)) return ErrorCode.BADVERSION;
  return { type: 'setAcl', path, acl, version: (znode.aversion + 1) | 0 };
}

/** Checks the version of a znode. */
export function prepareCheck(
  request: GivenVersion,
  outlook: Outlook,
  requester: Requester,
): Prepared<CheckTransaction> {
  const { path } = request;
  if (path === null || !isValidPath(path)) return ErrorCode.BADARGUMENTS;
  const znode = outlook.get(path);
  if (znode === undefined) return ErrorCode.NONODE;
  if (!isAllowed(znode.acl, Perms.READ, requester.identities)) return ErrorCode.NOAUTH;
  if (differs(request.version, znode.version)) return ErrorCode.BADVERSION;
  return { type: 'check', path };
}

function differs(expected: number, version: number): boolean {
  return expected !== -1 && expected !== version;
}
