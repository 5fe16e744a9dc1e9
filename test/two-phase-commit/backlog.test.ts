import { DirectoryTooLargeError, type Keeper, type KeeperOptions } from '@zk-recipes/core';
import { namesIn } from '@zk-recipes/core/recipe-kit';
import { until } from '@zk-recipes/test-support';
import { describeOnSharedServer, freshPath } from '@zk-recipes/test-support/vitest';
import { BacklogError, Coordinator, Participant, TransactionStateError } from '@zk-recipes/two-phase-commit';
import { InMemoryResource } from '@zk-recipes/two-phase-commit/testing';
import { expect, it } from 'vitest';
import { stage } from '../stage/stage.js';
import { beginOrphans } from './orphan.js';

const operatorCall = { operator: 'ada', reason: 'the data centre of stock is gone' };
/** Some 100 ids fit into a reply. */
const smallFrames = { maxFrameBytes: 4_096 };

describeOnSharedServer('Transactions that a participant does not finish', { timeout: 60_000 }, () => {
  const scene = stage();

  async function coordinator(path: string, options = {}, keeper?: Keeper): Promise<Coordinator<string>> {
    const on = keeper ?? (await scene.keeper());
    const made = new Coordinator<string>(on, path, { recovery: 'manual', ...options });
    scene.afterwards(() => made.close());
    return made;
  }

  async function orphans(path: string, each: readonly (readonly string[])[]): Promise<string[]> {
    return await beginOrphans(await scene.keeper(), await scene.keeper(), path, each);
  }

  /** Fills an inbox with entries that no transaction stands for. */
  async function fill(hand: Keeper, path: string, name: string, count: number): Promise<void> {
    const inbox = `${path}/participants/${name}/inbox`;
    for (let from = 0; from < count; from += 500) {
      let transaction = hand.transaction().creatingParents();
      for (let index = from; index < Math.min(count, from + 500); index++) {
        transaction = transaction.create(`${inbox}/entry-with-a-name-of-36-letters-${String(index).padStart(5, '0')}`);
      }
      await transaction.commit();
    }
  }

  const finishesAll = (one: Coordinator<string>) =>
    until(async () => ((await one.pending()).length === 0 ? true : undefined), { what: 'all to be finished' });

  it('are counted, however many there are', async () => {
    const path = freshPath('tx');
    const one = await coordinator(path, {}, await scene.keeper(smallFrames));
    expect(await one.counts()).toEqual({ transactions: 0, unfinished: {}, auditRecords: 0 });
    const [id] = await orphans(path, [['ledger', 'stock'], ['stock']]);
    await fill(await scene.keeper(), path, 'gone', 1_500);
    await one.force(id as string, { decision: 'aborted', ...operatorCall });
    expect(await one.counts()).toEqual({
      transactions: 2,
      unfinished: { ledger: 1, stock: 2, gone: 1_500 },
      auditRecords: 1,
    });
  });

  it('are told from 1,000 on, and from maxUnfinished on no more are begun for that participant', async () => {
    const path = freshPath('tx');
    const hand = await scene.keeper();
    await fill(hand, path, 'gone', 1_000);
    const one = await coordinator(path, { maxUnfinished: 1_001 });
    const run = (participants: string[]) => one.run({ payload: 'x', participants, timeoutMs: 1_000 });
    expect((await run(['gone', 'ledger'])).decision).toBe('aborted');
    const inbox = `${path}/participants/gone/inbox`;
    const told = () => scene.errors.filter(({ error }) => error instanceof BacklogError);
    await until(() => (told().length > 0 ? true : undefined), { what: 'the warning' });
    expect(told()).toMatchObject([
      { operation: 'Coordinator', path: inbox, error: { participant: 'gone', limit: 1_001 } },
    ]);
    const refusal = await until(
      () =>
        run(['ledger', 'gone']).then(
          () => undefined,
          (error: unknown) => error,
        ),
      { what: 'the refusal' },
    );
    expect(refusal).toBeInstanceOf(BacklogError);
    expect((refusal as Error).message).toMatch(
      /^participant gone has \d+ unfinished transactions; from 1001 on \(maxUnfinished\)/,
    );
    expect((await run(['ledger'])).decision).toBe('aborted');
    expect(told()).toHaveLength(1);
    // Once they are gone it goes on.
    await one.forget({ participant: 'gone', olderThanMs: 0, ...operatorCall });
    await until(() => run(['gone']).catch(() => undefined), { what: 'the participant to be admitted again' });
  });

  it('are forgotten in bulk, if they are decided and old enough, with one audit record', async () => {
    const path = freshPath('tx');
    const hand = await scene.keeper();
    const ids = await orphans(path, Array(5).fill(['ledger', 'stock']));
    await fill(hand, path, 'stock', 2);
    const one = await coordinator(path, { retentionMs: 0 });
    const [undecided, ...decided] = ids as [string, ...string[]];
    for (const id of decided) await one.force(id, { decision: 'aborted', ...operatorCall });
    const options = { participant: 'stock', ...operatorCall };
    expect(await one.forget({ ...options, olderThanMs: 3_600_000 })).toEqual({ forgotten: [], failed: [] });
    const { forgotten, failed } = await one.forget({ ...options, olderThanMs: 0 });
    expect(forgotten).toHaveLength(decided.length + 2);
    expect(forgotten).toEqual(expect.arrayContaining(decided));
    expect(failed).toMatchObject([{ id: undecided, error: expect.any(TransactionStateError) }]);
    expect(await namesIn(hand, `${path}/participants/stock/inbox`)).toEqual([undecided]);
    const records = (await namesIn(hand, `${path}/audit`)).filter((name) => name.startsWith('forget-'));
    const audit = await Promise.all(records.map((name) => hand.getData().forPath(`${path}/audit/${name}`)));
    expect(audit.map((record) => JSON.parse(String(record)))).toContainEqual({
      ...{ kind: 'forget', ...options, olderThanMs: 0, forgotten: 6, failed: 1 },
    });
    const ledger = new Participant<string>(await scene.keeper(), path, 'ledger', new InMemoryResource<string>());
    scene.afterwards(() => ledger.close());
    await ledger.start();
    const first = await one.recover();
    expect(first).toMatchObject({ aborted: [undecided], failed: [] });
    expect((await one.forget({ ...options, olderThanMs: 0 })).forgotten).toEqual([undecided]);
    await finishesAll(one);
    expect([...first.removed, ...(await one.recover()).removed].sort()).toEqual([...ids].sort());
  });

  it('are listed by the inboxes when one list of all transactions is too large', async () => {
    const path = freshPath('tx');
    const ids = await orphans(
      path,
      Array.from({ length: 160 }, (_, index) => [index % 2 === 0 ? 'a' : 'b']),
    );
    const one = await coordinator(path, {}, await scene.keeper(smallFrames));
    expect((await one.pending()).map(({ id }) => id).sort()).toEqual([...ids].sort());
    const { aborted, failed } = await one.recover();
    expect(failed).toEqual([]);
    expect([...aborted].sort()).toEqual([...ids].sort());
    expect(scene.errors[0]).toMatchObject({ path: `${path}/transactions`, error: { code: 'ZK_DIRECTORY_TOO_LARGE' } });
  });

  it('stop neither new ones nor others on the connection when their list is too large', async () => {
    const path = freshPath('tx');
    const hand = await scene.keeper();
    await fill(hand, path, 'ledger', 200);
    await fill(hand, path.concat('/x'), 'other', 1);
    const keeper = await scene.keeper(smallFrames as Partial<KeeperOptions>);
    const states: string[] = [];
    keeper.on('state', (state) => states.push(state));
    const ledger = new InMemoryResource<string>();
    const participant = new Participant<string>(keeper, path, 'ledger', ledger);
    scene.afterwards(() => participant.close());
    await participant.start();
    const tooLarge = () => scene.errors.filter(({ error }) => error instanceof DirectoryTooLargeError);
    await until(() => (tooLarge().length > 0 ? true : undefined), { what: 'the report' });
    const one = await coordinator(path, {}, keeper);
    for (let round = 0; round < 5; round++) {
      expect((await one.run({ payload: 'x', participants: ['ledger'] })).decision).toBe('committed');
    }
    await until(() => (ledger.in('committed').length === 5 ? true : undefined), { what: 'the commits' });
    expect(tooLarge()).toHaveLength(1);
    expect(tooLarge()[0]?.error).toMatchObject({
      path: `${path}/participants/ledger/inbox`,
      message: expect.stringContaining('raise maxFrameBytes'),
    });
    expect(states).toEqual([]);
    await expect(one.forget({ participant: 'ledger', olderThanMs: 0, ...operatorCall })).rejects.toThrow(
      /participants\/ledger\/inbox .*raise maxFrameBytes/,
    );
    const wide = await coordinator(path);
    expect((await wide.forget({ participant: 'ledger', olderThanMs: 0, ...operatorCall })).forgotten).toHaveLength(200);
  });
});
