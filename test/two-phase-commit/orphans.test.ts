import type { Keeper } from '@zk-recipes/core';
import { namesIn } from '@zk-recipes/core/recipe-kit';
import { until } from '@zk-recipes/test-support';
import { describeOnSharedServer, freshPath } from '@zk-recipes/test-support/vitest';
import {
  Coordinator,
  Participant,
  type ParticipantHandlers,
  type ParticipantOptions,
  TransactionStateError,
} from '@zk-recipes/two-phase-commit';
import { InMemoryResource } from '@zk-recipes/two-phase-commit/testing';
import { expect, it } from 'vitest';
import { stage } from '../stage/stage.js';
import { beginOrphan } from './orphan.js';

const operatorCall = { operator: 'ada', reason: 'the others have committed' };

describeOnSharedServer('What a participant holds prepared of a transaction whose znodes were deleted', () => {
  const scene = stage();

  async function participant(
    path: string,
    handlers: ParticipantHandlers<string>,
    options: ParticipantOptions<string> = {},
  ): Promise<Participant<string>> {
    const made = new Participant<string>(await scene.keeper(), path, 'ledger', handlers, options);
    scene.afterwards(() => made.close());
    await made.start();
    return made;
  }

  /** A transaction that `ledger` has voted on. */
  async function inDoubt(path: string, ledger: InMemoryResource<string>): Promise<string> {
    const id = await beginOrphan(await scene.keeper(), await scene.keeper(), path, ['ledger', 'stock']);
    const vote = `${path}/transactions/${id}/votes/ledger`;
    const hand = await scene.keeper();
    await until(async () => (await hand.exists().forPath(vote)) ?? undefined, { what: 'the vote' });
    expect(ledger.stateOf(id)).toBe('prepared');
    return id;
  }

  const deleteTree = (hand: Keeper, path: string) => hand.delete().deletingChildren().forPath(path);

  async function untilTold(id: string): Promise<void> {
    await until(() => scene.errors.find(({ path }) => path?.endsWith(id)), { what: 'the report' });
  }

  it.each(['', '/transactions'])(
    'is told while it waits for the decision, and ended by hand (%j deleted)',
    async (below) => {
      const path = freshPath('tx');
      const hand = await scene.keeper();
      const ledger = new InMemoryResource<string>();
      const active = await participant(path, ledger);
      const id = await inDoubt(path, ledger);
      expect(await active.orphans()).toEqual([]);
      const refused = active.settleOrphan(id, { decision: 'committed', ...operatorCall });
      await expect(refused).rejects.toThrow(TransactionStateError);
      if (below === '') {
        // The line stands below it, too: the participant loses its place.
        await deleteTree(hand, `${path}/transactions`);
        await deleteTree(hand, `${path}/participants`);
      } else await deleteTree(hand, `${path}${below}`);
      await untilTold(id);
      expect(await active.orphans()).toEqual([id]);
      await active.settleOrphan(id, { decision: 'committed', ...operatorCall });
      await active.settleOrphan(id, { decision: 'committed', ...operatorCall });
      expect(ledger.stateOf(id)).toBe('committed');
      expect(await active.orphans()).toEqual([]);
      const told = scene.errors.filter(({ error }) => error instanceof TransactionStateError);
      expect(told.map((error) => error.path)).toEqual([`${path}/transactions/${id}`]);
      expect(String(told[0]?.error)).toMatch(/has to end as the other participants have decided: see settleOrphan/);
      const [audit] = await namesIn(hand, `${path}/audit`);
      expect(JSON.parse(String(await hand.getData().forPath(`${path}/audit/${audit}`)))).toEqual({
        ...{ kind: 'settle', id, participant: 'ledger', decision: 'committed', ...operatorCall },
      });
    },
  );

  it('is told when the participant was down meanwhile, and kept', async () => {
    const path = freshPath('tx');
    const ledger = new InMemoryResource<string>();
    const first = await participant(path, ledger);
    const id = await inDoubt(path, ledger);
    await first.close();
    await deleteTree(await scene.keeper(), path);
    const second = await participant(path, ledger);
    await untilTold(id);
    expect(await second.orphans()).toEqual([id]);
    expect(ledger.stateOf(id)).toBe('prepared');
  });

  it('is aborted by rule, as soon as the resource lets it', async () => {
    const path = freshPath('tx');
    const ledger = new InMemoryResource<string>();
    const first = await participant(path, ledger);
    const [one, other] = [await inDoubt(path, ledger), await inDoubt(path, ledger)];
    await first.close();
    await deleteTree(await scene.keeper(), path);
    let refusals = 0;
    const reluctant: ParticipantHandlers<string> = {
      prepare: (call) => ledger.prepare(call),
      commit: (call) => ledger.commit(call),
      abort: (call) => ledger.abort(call),
      prepared: () => ledger.prepared(),
      settle: (call) => {
        if (call.id === one && refusals++ < 2) throw new Error('the disk is full');
        ledger.settle(call);
      },
    };
    await participant(path, reluctant, { orphans: 'abort' });
    await until(() => (ledger.in('aborted').length === 2 ? true : undefined), { what: 'the end of both' });
    expect(refusals).toBe(3);
    const hand = await scene.keeper();
    expect((await namesIn(hand, `${path}/audit`)).map((name) => name.slice(0, 36)).sort()).toEqual([one, other].sort());
  });

  it('is told of an entry in the inbox that no transaction stands for', async () => {
    const path = freshPath('tx');
    const hand = await scene.keeper();
    await hand.create().creatingParents().forPath(`${path}/participants/ledger/inbox/foreign`, null);
    const plain = { prepare: () => 'commit' as const, commit: () => {}, abort: () => {} };
    const active = await participant(path, plain);
    await untilTold('foreign');
    expect(await active.orphans()).toEqual([]);
    await expect(active.settleOrphan('foreign', { decision: 'aborted', ...operatorCall })).rejects.toThrow(TypeError);
    const one = new Coordinator<string>(await scene.keeper(), path, { recovery: 'manual' });
    scene.afterwards(() => one.close());
    expect((await one.run({ payload: 'x', participants: ['ledger'] })).decision).toBe('committed');
  });
});
