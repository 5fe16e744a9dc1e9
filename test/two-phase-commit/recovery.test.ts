import type { Keeper } from '@zk-recipes/core';
import { namesIn } from '@zk-recipes/core/recipe-kit';
import { until } from '@zk-recipes/test-support';
import { describeOnSharedServer, freshPath } from '@zk-recipes/test-support/vitest';
import { Coordinator, Participant, TransactionStateError } from '@zk-recipes/two-phase-commit';
import { InMemoryResource } from '@zk-recipes/two-phase-commit/testing';
import { expect, it } from 'vitest';
import { stage } from '../stage/stage.js';
import { beginOrphan } from './orphan.js';
import { untilSettled } from './settled.js';

const operatorCall = { operator: 'ada', reason: 'the disk of stock is gone' };

describeOnSharedServer('Recovery of two-phase commits', () => {
  const scene = stage();

  /** A transaction whose coordinator has gone while `stock` had not voted. */
  async function orphan(path: string, participants = ['ledger', 'stock']): Promise<string> {
    return await beginOrphan(await scene.keeper(), await scene.keeper(), path, participants);
  }

  async function participant(path: string, name: string, resource: InMemoryResource<string>, keeper?: Keeper) {
    const made = new Participant<string>(keeper ?? (await scene.keeper()), path, name, resource);
    await made.start();
    scene.afterwards(() => made.close());
    return made;
  }

  async function coordinator(path: string, options = {}): Promise<Coordinator<string>> {
    const made = new Coordinator<string>(await scene.keeper(), path, { recovery: 'manual', ...options });
    scene.afterwards(() => made.close());
    return made;
  }

  it('aborts what a dead coordinator left undecided, and removes it when all have finished', async () => {
    const path = freshPath('tx');
    const id = await orphan(path);
    const one = await coordinator(path, { retentionMs: 0 });
    expect(await one.pending()).toMatchObject([{ id, decision: null, isCoordinatorAlive: false }]);
    expect(await one.recover()).toEqual({ aborted: [id], removed: [], failed: [] });
    const resources = [new InMemoryResource<string>(), new InMemoryResource<string>()] as const;
    await participant(path, 'ledger', resources[0]);
    await participant(path, 'stock', resources[1]);
    await until(async () => ((await one.pending()).length === 0 ? true : undefined), { what: 'all to finish' });
    expect(await one.recover()).toEqual({ aborted: [], removed: [id], failed: [] });
    expect(resources.map((resource) => resource.stateOf(id))).toEqual(['aborted', 'aborted']);
    await untilSettled(await scene.keeper(), path);
  });

  it('lets several recover at once: one decides', async () => {
    const path = freshPath('tx');
    const ids = [await orphan(path), await orphan(path)];
    const many = await Promise.all([1, 2, 3, 4].map(() => coordinator(path)));
    const recoveries = await Promise.all(many.map((one) => one.recover()));
    const aborted = recoveries.flatMap((recovery) => recovery.aborted);
    expect([...aborted].sort()).toEqual((await namesIn(await scene.keeper(), `${path}/transactions`)).sort());
    expect(aborted).toHaveLength(ids.length);
  });

  it('leaves alone what belongs to a coordinator that lives', async () => {
    const path = freshPath('tx');
    const [one, other] = [await coordinator(path), await coordinator(path)];
    const running = one.run({ payload: 'x', participants: ['ledger'] });
    await until(async () => ((await other.pending()).length === 1 ? true : undefined), { what: 'the transaction' });
    expect(await other.recover()).toEqual({ aborted: [], removed: [], failed: [] });
    await participant(path, 'ledger', new InMemoryResource<string>());
    expect((await running).decision).toBe('committed');
  });

  it('recovers in the background by default, by one of all coordinators', async () => {
    const path = freshPath('tx');
    const first = await coordinator(path, { recovery: undefined, retentionMs: 0 });
    const second = await coordinator(path, { recovery: undefined, retentionMs: 0 });
    expect(await Promise.all([first.pending(), second.pending()])).toEqual([[], []]);
    // To look begins nothing.
    expect(await namesIn(await scene.keeper(), `${path}/recovery`)).toEqual([]);
    await Promise.all([first.recover(), second.recover()]);
    const id = await orphan(path);
    const found = await until(
      async () => {
        const [pending] = await second.pending();
        return pending?.decision === 'aborted' ? pending : undefined;
      },
      { what: 'recovery' },
    );
    expect(found).toMatchObject({ id, reason: 'its coordinator was gone before it was decided' });
    await first.close();
    const next = await orphan(path);
    await until(async () => ((await second.pending()).find((one) => one.id === next)?.decision ? true : undefined), {
      what: 'recovery by the other',
    });
  });

  it('commits by force only with all votes, and leaves an audit record', async () => {
    const path = freshPath('tx');
    const hand = await scene.keeper();
    const id = await orphan(path, ['ledger']);
    const one = await coordinator(path);
    await expect(one.force(id, { decision: 'committed', ...operatorCall })).rejects.toThrow(/ledger has not voted/);
    const resource = new InMemoryResource<string>();
    await participant(path, 'ledger', resource);
    await until(async () => ((await one.pending())[0]?.votes['ledger'] ? true : undefined), { what: 'the vote' });
    expect(await one.force(id, { decision: 'committed', ...operatorCall })).toMatchObject({ decision: 'committed' });
    await expect(one.force(id, { decision: 'aborted', ...operatorCall })).rejects.toBeInstanceOf(TransactionStateError);
    expect(await one.force(id, { decision: 'committed', ...operatorCall })).toMatchObject({ decision: 'committed' });
    await until(() => (resource.stateOf(id) === 'committed' ? true : undefined), { what: 'the commit' });
    const [audit, ...others] = await namesIn(hand, `${path}/audit`);
    expect(others).toEqual([]);
    const record = JSON.parse(String(await hand.getData().forPath(`${path}/audit/${audit}`)));
    expect(record).toEqual({ kind: 'force', id, decision: 'committed', ...operatorCall });
  });

  it('forgets a participant only after the decision, and leaves an audit record', async () => {
    const path = freshPath('tx');
    const id = await orphan(path);
    const one = await coordinator(path, { retentionMs: 0 });
    await expect(one.forget(id, 'stock', operatorCall)).rejects.toThrow(/not decided yet/);
    await one.force(id, { decision: 'aborted', ...operatorCall });
    await expect(one.forget(id, 'nobody', operatorCall)).rejects.toThrow(/no participant 'nobody'/);
    await expect(one.forget('none', 'stock', operatorCall)).rejects.toThrow(/is not there/);
    await one.forget(id, 'stock', operatorCall);
    await one.forget(id, 'stock', operatorCall);
    expect(await one.pending()).toMatchObject([{ unfinished: ['ledger'] }]);
    await participant(path, 'ledger', new InMemoryResource<string>());
    await until(async () => ((await one.pending()).length === 0 ? true : undefined), { what: 'the end' });
    expect((await one.recover()).removed).toEqual([id]);
    await untilSettled(await scene.keeper(), path);
    expect(await namesIn(await scene.keeper(), `${path}/audit`)).toHaveLength(2);
  });

  it('has a participant that crashed after its vote finish as decided when it is back', async () => {
    const path = freshPath('tx');
    const database = new InMemoryResource<string>();
    const other = new InMemoryResource<string>();
    const crashing = await scene.keeper();
    await participant(path, 'ledger', database, crashing);
    const one = await coordinator(path);
    const running = one.run({ payload: 'x', participants: ['ledger', 'stock'] });
    await until(async () => ((await one.pending())[0]?.votes['ledger'] ? true : undefined), { what: 'the vote' });
    await crashing.close();
    await participant(path, 'stock', other);
    const { id, decision } = await running;
    expect(decision).toBe('committed');
    expect(database.stateOf(id)).toBe('prepared');
    await participant(path, 'ledger', database);
    await untilSettled(await scene.keeper(), path);
    expect([database.stateOf(id), other.stateOf(id)]).toEqual(['committed', 'committed']);
    expect(database.calls.map(({ handler }) => handler)).toEqual(['prepare', 'commit']);
  });
});
