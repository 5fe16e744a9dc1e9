import { describe, expect, it } from 'vitest';
import { OPEN_ACL } from './access-control.js';
import { DataTree } from './data-tree.js';
import { PendingChanges } from './pending-changes.js';
import { type Outlook, prepareCreate, prepareDelete } from './prepare.js';
import type { CreateTransaction } from './transaction.js';

const nobody = { sessionId: 1n, identities: [] };
const creation = (path: string, changes: Partial<CreateTransaction> = {}): CreateTransaction => {
  const what = {
    data: null,
    acl: OPEN_ACL,
    kind: 'persistent',
    flaggedKind: 'persistent',
    owner: 0n,
    ttlMs: 0,
    creations: 1,
  } as const;
  return { type: 'create', path, ...what, ...changes };
};

/** What a write is checked against. */
function outlookOn(tree: DataTree): Outlook {
  return { get: (path) => tree.get(path), exceedsQuota: () => false, knowsIpv6: true };
}

describe('DataTree', () => {
  it('gives what a transaction brought about, and knows no time but the one it is given', () => {
    const tree = DataTree.fresh();
    const { changes, stat } = tree.apply(creation('/a'), 5n, 1234);
    expect(changes).toEqual([{ type: 'created', path: '/a', acl: OPEN_ACL, parentAcl: OPEN_ACL }]);
    expect(stat).toMatchObject({ czxid: 5n, mzxid: 5n, pzxid: 5n, ctime: 1234, mtime: 1234 });
    expect(tree.lastZxid).toBe(5n);
    expect(tree.apply({ type: 'delete', path: '/a' }, 6n, 1235).changes[0]).toMatchObject({ type: 'deleted' });
    expect(tree.get('/a')).toBeUndefined();
  });

  it('removes the ephemerals of a session that ends, and nobody else’s', () => {
    const tree = DataTree.fresh();
    tree.apply(creation('/mine', { kind: 'ephemeral', owner: 7n }), 1n, 0);
    tree.apply(creation('/other', { kind: 'ephemeral', owner: 8n, creations: 2 }), 2n, 0);
    const { changes } = tree.apply({ type: 'closeSession', sessionId: 7n }, 3n, 0);
    expect(changes.map(({ path }) => path)).toEqual(['/mine']);
    expect([...tree.ephemerals.keys()]).toEqual([8n]);
  });

  it('never lowers the counter of creations: the numbers stand at their last when they overflow', () => {
    const tree = DataTree.fresh();
    tree.apply(creation('/p'), 1n, 0);
    tree.apply(creation('/p/2147483646', { creations: 2 ** 31 - 1 }), 2n, 0);
    const next = () =>
      prepareCreate(
        1,
        { path: '/p/', data: null, acl: OPEN_ACL, flags: 2, ttl: -1 },
        outlookOn(tree),
        nobody,
      ) as CreateTransaction;
    expect(next()).toMatchObject({ path: '/p/2147483647', creations: -(2 ** 31) });
    tree.apply(next(), 3n, 0);
    expect(tree.get('/p')?.creations).toBe(2 ** 31 - 1);
    expect(next()).toBe(-110);
  });

  it('has copies that change by themselves', () => {
    const tree = DataTree.fresh();
    tree.apply(creation('/a', { kind: 'ephemeral', owner: 7n }), 1n, 0);
    const copy = tree.clone();
    tree.apply({ type: 'closeSession', sessionId: 7n }, 2n, 0);
    expect([copy.get('/a')?.owner, copy.lastZxid, copy.nodeCount]).toEqual([7n, 1n, 6]);
    copy.apply({ type: 'closeSession', sessionId: 7n }, 2n, 0);
    expect(copy.get('/a')).toBeUndefined();
  });
});

describe('PendingChanges', () => {
  it('are seen by what is checked after them, and by nobody else', () => {
    const tree = DataTree.fresh();
    const pending = new PendingChanges(outlookOn(tree));
    const make = (path: string, flags = 0) =>
      prepareCreate(1, { path, data: null, acl: OPEN_ACL, flags, ttl: -1 }, pending, nobody);
    const parent = make('/p') as CreateTransaction;
    pending.add(parent);
    const first = make('/p/n-', 2) as CreateTransaction;
    pending.add(first);
    expect(make('/p/n-', 2)).toMatchObject({ path: '/p/n-0000000001', creations: 2 });
    expect(prepareDelete({ path: '/p', version: -1 }, pending, nobody)).toBe(-111);
    pending.add({ type: 'delete', path: first.path });
    expect(prepareDelete({ path: '/p', version: -1 }, pending, nobody)).toEqual({ type: 'delete', path: '/p' });
    expect(tree.get('/p')).toBeUndefined();
  });
});
