import type { Acl, Stat } from 'zookeeper-ts-client/protocol';

/** Kind of a znode. An ephemeral ends with its session; a container and a TTL znode are removed when unused. */
export type ZnodeKind = 'persistent' | 'ephemeral' | 'container' | 'ttl';

/** Record against which requests are checked: a znode, or its state after the earlier operations of the same `multi`. */
export interface ZnodeRecord {
  readonly data: Buffer | null;
  readonly acl: readonly Acl[];
  readonly kind: ZnodeKind;
  readonly version: number;
  readonly aversion: number;
  /** Number of children ever created: the next sequence number. */
  readonly creations: number;
  readonly childCount: number;
}

/** Znode of the tree. Only the tree changes it. */
export class Znode implements ZnodeRecord {
  data: Buffer | null;
  acl: readonly Acl[];
  readonly kind: ZnodeKind;
  /** Session that owns an ephemeral; 0 for every other kind. */
  readonly owner: bigint;
  /** Life of a TTL znode after its last change, in milliseconds; 0 for every other kind. */
  readonly ttlMs: number;
  readonly czxid: bigint;
  readonly ctime: number;
  mzxid: bigint;
  mtime: number;
  pzxid: bigint;
  version = 0;
  aversion = 0;
  creations = 0;
  /** Names of the children; `null` before the first child. */
  children: Set<string> | null = null;

  constructor(
    origin: Pick<Znode, 'data' | 'acl' | 'kind' | 'owner' | 'ttlMs'>,
    zxid: bigint,
    /** Milliseconds since 1970. */
    timeMs: number,
  ) {
    this.data = origin.data;
    this.acl = origin.acl;
    this.kind = origin.kind;
    this.owner = origin.owner;
    this.ttlMs = origin.ttlMs;
    this.czxid = zxid;
    this.mzxid = zxid;
    this.pzxid = zxid;
    this.ctime = timeMs;
    this.mtime = timeMs;
  }

  get childCount(): number {
    return this.children === null ? 0 : this.children.size;
  }

  /** Stat of the znode as clients see it. Its cversion is the number of creations and deletions together. */
  get stat(): Stat {
    const childCount = this.childCount;
    return {
      czxid: this.czxid,
      mzxid: this.mzxid,
      ctime: this.ctime,
      mtime: this.mtime,
      version: this.version,
      cversion: (this.creations * 2 - childCount) | 0,
      aversion: this.aversion,
      ephemeralOwner: this.owner,
      dataLength: this.data === null ? 0 : this.data.length,
      numChildren: childCount,
      pzxid: this.pzxid,
    };
  }

  /** Returns an independent copy. */
  clone(): Znode {
    const copy = new Znode(this, this.czxid, this.ctime);
    copy.mzxid = this.mzxid;
    copy.mtime = this.mtime;
    copy.pzxid = this.pzxid;
    copy.version = this.version;
    copy.aversion = this.aversion;
    copy.creations = this.creations;
    copy.children = this.children === null ? null : new Set(this.children);
    return copy;
  }
}
