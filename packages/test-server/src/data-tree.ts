import { type Acl, OPEN_ACL } from './access-control.js';
import { Quotas } from './quotas.js';
import type {
  Applied,
  Change,
  CreateTransaction,
  DeleteTransaction,
  SetAclTransaction,
  SetDataTransaction,
  Transaction,
} from './transaction.js';
import { Znode } from './znode.js';
import { CONFIG_PATH, nameOf, QUOTA_PATH, SYSTEM_PATH } from './znode-path.js';

const NO_CHANGES: readonly Change[] = [];

/**
 * Tree of znodes, to which transactions are applied. The tree knows neither clients nor time: a caller passes a checked transaction with
 * its zxid and its time, and receives the changes.
 */
export class DataTree {
  /** Zxid of the last transaction, including failed transactions. */
  lastZxid = 0n;
  /** Znodes by path. The root has two paths, the empty one and `/`. */
  readonly #znodes: Map<string, Znode> = new Map();
  readonly #ephemerals: Map<bigint, Set<string>> = new Map();
  readonly #perishable: Set<string> = new Set();
  readonly #quotas: Quotas = new Quotas(this.#znodes);

  /** Creates a tree with only the znodes that every server has. */
  static fresh(): DataTree {
    const tree = new DataTree();
    const make = (path: string, acl: readonly Acl[], data: Buffer | null) => {
      const znode = new Znode({ data, acl, kind: 'persistent', owner: 0n, ttlMs: 0 }, 0n, 0);
      tree.put(path, znode);
      return znode;
    };
    const root = make('/', OPEN_ACL, Buffer.alloc(0));
    root.children = new Set(['zookeeper']);
    make(SYSTEM_PATH, OPEN_ACL, Buffer.alloc(0)).children = new Set(['quota', 'config']);
    make(QUOTA_PATH, OPEN_ACL, Buffer.alloc(0));
    make(CONFIG_PATH, [{ perms: 1, id: { scheme: 'world', id: 'anyone' } }], Buffer.alloc(0)).aversion = -1;
    return tree;
  }

  /** Number of entries in the table, as `srvr` counts them: the root counts twice. */
  get nodeCount(): number {
    return this.#znodes.size;
  }

  /** Returns the znode at a path, if it exists. */
  get(path: string): Znode | undefined {
    return this.#znodes.get(path);
  }

  /** Iterates over all znodes with their paths; the root once. */
  *entries(): Iterable<[path: string, znode: Znode]> {
    for (const entry of this.#znodes) if (entry[0] !== '') yield entry;
  }

  /** Inserts a znode of a snapshot or a copy. */
  put(path: string, znode: Znode): void {
    this.#znodes.set(path, znode);
    if (path === '/') this.#znodes.set('', znode);
    this.#index(path, znode);
    this.#quotas.noteLimit(path);
  }

  /** Returns an independent copy. */
  clone(): DataTree {
    const copy = new DataTree();
    copy.lastZxid = this.lastZxid;
    for (const [path, znode] of this.entries()) copy.put(path, znode.clone());
    return copy;
  }

  /** Returns the paths of a session's ephemerals. */
  ephemeralsOf(sessionId: bigint): readonly string[] {
    return [...(this.#ephemerals.get(sessionId) ?? [])];
  }

  /** Paths of the ephemerals of each session that has any. */
  get ephemerals(): ReadonlyMap<bigint, ReadonlySet<string>> {
    return this.#ephemerals;
  }

  /** Paths of containers and TTL znodes. */
  get perishable(): ReadonlySet<string> {
    return this.#perishable;
  }

  /** Counts the znodes below a path. For the root, the count includes all znodes except the root. */
  countDescendants(path: string): number {
    if (path === '/') return this.#znodes.size - 2;
    let count = 0;
    for (const other of this.#znodes.keys()) if (other.startsWith(`${path}/`)) count += 1;
    return count;
  }

  /** Whether a hard quota forbids the growth of a subtree. */
  exceedsQuota(path: string, bytes: number, count: number): boolean {
    return this.#quotas.forbids(path, bytes, count);
  }

  /**
   * Applies a transaction.
   *
   * @param zxid zxid of the transaction; all operations of a `multi` share one zxid
   * @param timeMs time of the transaction, in milliseconds since 1970
   */
  apply(transaction: Transaction, zxid: bigint, timeMs: number): Applied {
    this.lastZxid = zxid;
    switch (transaction.type) {
      case 'create':
        return this.#create(transaction, zxid, timeMs);
      case 'delete':
        return { changes: [this.#delete(transaction, zxid)], stat: null };
      case 'setData':
        return this.#setData(transaction, zxid, timeMs);
      case 'setAcl':
        return this.#setAcl(transaction);
      case 'check':
        return { changes: NO_CHANGES, stat: null };
      case 'closeSession':
        return this.#closeSession(transaction.sessionId, zxid);
    }
  }

  #create(transaction: CreateTransaction, zxid: bigint, timeMs: number): Applied {
    const { path } = transaction;
    const parent = this.#parentOf(path);
    // The counter never decreases: after an overflow it no longer changes.
    if (transaction.creations > parent.creations) {
      parent.creations = transaction.creations;
      parent.pzxid = zxid;
    }
    const znode = new Znode(transaction, zxid, timeMs);
    parent.children ??= new Set();
    parent.children.add(nameOf(path));
    this.#znodes.set(path, znode);
    this.#index(path, znode);
    const { stat } = znode;
    this.#quotas.created(path, znode);
    return { changes: [{ type: 'created', path, acl: znode.acl, parentAcl: parent.acl }], stat };
  }

  #delete({ path }: DeleteTransaction, zxid: bigint): Change {
    const parent = this.#parentOf(path);
    const znode = this.#existing(path);
    parent.children?.delete(nameOf(path));
    if (zxid > parent.pzxid) parent.pzxid = zxid;
    this.#znodes.delete(path);
    this.#perishable.delete(path);
    if (znode.kind === 'ephemeral') {
      const paths = this.#ephemerals.get(znode.owner);
      paths?.delete(path);
      if (paths?.size === 0) this.#ephemerals.delete(znode.owner);
    }
    this.#quotas.deleted(path, znode);
    return { type: 'deleted', path, acl: znode.acl, parentAcl: parent.acl };
  }

  #setData({ path, data, version }: SetDataTransaction, zxid: bigint, timeMs: number): Applied {
    const znode = this.#existing(path);
    const before = znode.data?.length ?? 0;
    znode.data = data;
    znode.version = version;
    znode.mzxid = zxid;
    znode.mtime = timeMs;
    const { stat } = znode;
    this.#quotas.grew(path, (data?.length ?? 0) - before, 0);
    return { changes: [{ type: 'dataChanged', path, acl: znode.acl, parentAcl: znode.acl }], stat };
  }

  #setAcl({ path, acl, version }: SetAclTransaction): Applied {
    const znode = this.#existing(path);
    znode.acl = acl;
    znode.aversion = version;
    return { changes: NO_CHANGES, stat: znode.stat };
  }

  #closeSession(sessionId: bigint, zxid: bigint): Applied {
    const changes = this.ephemeralsOf(sessionId).map((path) => this.#delete({ type: 'delete', path }, zxid));
    return { changes, stat: null };
  }

  #index(path: string, { kind, owner }: Znode): void {
    if (kind === 'container' || kind === 'ttl') this.#perishable.add(path);
    if (kind !== 'ephemeral') return;
    const paths = this.#ephemerals.get(owner);
    if (paths === undefined) this.#ephemerals.set(owner, new Set([path]));
    else paths.add(path);
  }

  #parentOf(path: string): Znode {
    return this.#existing(path.slice(0, path.lastIndexOf('/')));
  }

  #existing(path: string): Znode {
    const znode = this.#znodes.get(path);
    if (znode === undefined) throw new Error(`A transaction was applied that nobody checked: there is no ${path}`);
    return znode;
  }
}
