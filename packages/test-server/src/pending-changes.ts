import type { Outlook } from './prepare.js';
import type { CreateTransaction, Transaction } from './transaction.js';
import type { ZnodeRecord } from './znode.js';

/**
 * Tree as it will be after the operations of a `multi` that have been checked so far. All operations are checked before the first is
 * applied, so no rollback is necessary. Quotas are checked against the state before the `multi`.
 */
export class PendingChanges implements Outlook {
  readonly #tree: Outlook;
  /** Records that differ from those of the tree; `null` for znodes that will be deleted. */
  readonly #records: Map<string, ZnodeRecord | null> = new Map();

  constructor(tree: Outlook) {
    this.#tree = tree;
  }

  get(path: string): ZnodeRecord | undefined {
    const record = this.#records.get(path);
    return record === undefined ? this.#tree.get(path) : (record ?? undefined);
  }

  get knowsIpv6(): boolean {
    return this.#tree.knowsIpv6;
  }

  exceedsQuota(path: string, bytes: number, count: number): boolean {
    return this.#tree.exceedsQuota(path, bytes, count);
  }

  /** Records a transaction that will be applied. */
  add(transaction: Transaction): void {
    switch (transaction.type) {
      case 'create':
        this.#create(transaction);
        return;
      case 'delete': {
        this.#change(above(transaction.path), ({ childCount }) => ({ childCount: childCount - 1 }));
        this.#records.set(transaction.path, null);
        return;
      }
      case 'setData':
        this.#change(transaction.path, () => ({ data: transaction.data, version: transaction.version }));
        return;
      default:
        return;
    }
  }

  #create({ path, data, acl, flaggedKind: kind, creations }: CreateTransaction): void {
    this.#change(above(path), ({ childCount }) => ({ childCount: childCount + 1, creations }));
    this.#records.set(path, { data, acl, kind, version: 0, aversion: 0, creations: 0, childCount: 0 });
  }

  #change(path: string, difference: (record: ZnodeRecord) => Partial<ZnodeRecord>): void {
    const record = this.get(path);
    if (record === undefined) return;
    const { data, acl, kind, version, aversion, creations, childCount } = record;
    const copy = { data, acl, kind, version, aversion, creations, childCount };
    this.#records.set(path, { ...copy, ...difference(record) });
  }
}

function above(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
