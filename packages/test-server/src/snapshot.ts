import type { Acl } from './access-control.js';
import { DataTree } from './data-tree.js';
import type { Session } from './sessions.js';
import { Znode, type ZnodeKind } from './znode.js';
import { nameOf } from './znode-path.js';

/** Znode in a snapshot, with 64-bit numbers as decimal text and data as base64. */
export interface ZnodeSnapshot {
  readonly path: string;
  readonly data: string | null;
  readonly acl: readonly Acl[];
  readonly kind: ZnodeKind;
  readonly owner: string;
  readonly ttlMs: number;
  readonly czxid: string;
  readonly mzxid: string;
  readonly pzxid: string;
  readonly ctime: number;
  readonly mtime: number;
  readonly version: number;
  readonly aversion: number;
  readonly creations: number;
}

/** Tree and sessions of a server as plain JSON data. */
export interface Snapshot {
  readonly format: 1;
  readonly lastZxid: string;
  /** Znodes, parents before their children. */
  readonly znodes: readonly ZnodeSnapshot[];
  readonly sessions: readonly { readonly id: string; readonly timeoutMs: number; readonly password: string }[];
}

/** Takes a snapshot of a tree and the sessions. */
export function takeSnapshot(tree: DataTree, sessions: Iterable<Session>): Snapshot {
  return {
    format: 1,
    lastZxid: String(tree.lastZxid),
    znodes: [...tree.entries()].map(([path, znode]) => describeZnode(path, znode)),
    sessions: [...sessions].map(({ id, timeoutMs, password }) => {
      return { id: String(id), timeoutMs, password: password.toString('base64') };
    }),
  };
}

function describeZnode(path: string, znode: Znode): ZnodeSnapshot {
  const { acl, kind, ttlMs, ctime, mtime, version, aversion, creations } = znode;
  return {
    path,
    data: znode.data === null ? null : znode.data.toString('base64'),
    owner: String(znode.owner),
    czxid: String(znode.czxid),
    mzxid: String(znode.mzxid),
    pzxid: String(znode.pzxid),
    ...{ acl, kind, ttlMs, ctime, mtime, version, aversion, creations },
  };
}

/**
 * Rebuilds the tree from a snapshot.
 *
 * @throws TypeError when the argument is not a snapshot
 */
export function restoreSnapshot(snapshot: Snapshot): DataTree {
  if (snapshot.format !== 1 || !Array.isArray(snapshot.znodes)) {
    throw new TypeError('Expected `snapshot` to be one of this server, in format 1');
  }
  const tree = new DataTree();
  for (const described of snapshot.znodes) {
    const { path } = described;
    tree.put(path, restoreZnode(described));
    const parent = path === '/' ? undefined : tree.get(path.slice(0, path.lastIndexOf('/')));
    if (parent === undefined) continue;
    parent.children ??= new Set();
    parent.children.add(nameOf(path));
  }
  tree.lastZxid = BigInt(snapshot.lastZxid);
  return tree;
}

function restoreZnode(described: ZnodeSnapshot): Znode {
  const data = described.data === null ? null : Buffer.from(described.data, 'base64');
  const origin = { ...described, data, owner: BigInt(described.owner) };
  const znode = new Znode(origin, BigInt(described.czxid), described.ctime);
  znode.mzxid = BigInt(described.mzxid);
  znode.pzxid = BigInt(described.pzxid);
  znode.mtime = described.mtime;
  znode.version = described.version;
  znode.aversion = described.aversion;
  znode.creations = described.creations;
  return znode;
}
