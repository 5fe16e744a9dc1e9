import { startEnsemble, type ZooKeeperEnsemble } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { Coordinator, type Outcome, Participant } from '@zk-recipes/two-phase-commit';
import { InMemoryResource } from '@zk-recipes/two-phase-commit/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshLine, stage } from '../stage/stage.js';
import { untilSettled } from './settled.js';

const NAMES = ['a', 'b', 'c'];

describeOnOwnServers('two-phase commits on an ensemble', { timeout: 120_000 }, () => {
  let ensemble: ZooKeeperEnsemble;
  beforeAll(async () => {
    ensemble = await startEnsemble({ tickTimeMs: 250 });
  }, 60_000);
  afterAll(async () => await ensemble?.[Symbol.asyncDispose]());
  const on = stage(() => ensemble.connectString);

  it('end alike everywhere while the leader is killed again and again', async () => {
    const path = freshLine();
    const resources = NAMES.map(
      () => new InMemoryResource<number>(({ payload }) => (payload % 5 === 4 ? 'abort' : 'commit')),
    );
    for (const [index, name] of NAMES.entries()) {
      const resource = resources[index] as InMemoryResource<number>;
      const participant = new Participant<number>(await on.keeper(), path, name, resource);
      on.afterwards(() => participant.close());
      await participant.start();
    }
    const coordinator = new Coordinator<number>(await on.keeper(), path, { retentionMs: 0 });
    on.afterwards(() => coordinator.close());
    const outcomes: Outcome[] = [];
    let isOver = false;
    const work = async (): Promise<void> => {
      for (let payload = 0; !isOver; payload++) {
        const running = coordinator.run({ payload, participants: NAMES, timeoutMs: 10_000 });
        await running.then((outcome) => outcomes.push(outcome)).catch(() => {});
      }
    };
    const working = [work(), work(), work()];
    for (let round = 0; round < 2; round++) {
      const leader = await ensemble.untilServing();
      await leader.kill();
      await ensemble.untilServing();
      await ensemble.startAll();
    }
    isOver = true;
    await Promise.all(working);
    await untilSettled(await on.keeper(), path, 40_000);
    expect(outcomes.length).toBeGreaterThan(10);
    const committed = resources.map((resource) => resource.in('committed').sort());
    expect(committed[1]).toEqual(committed[0]);
    expect(committed[2]).toEqual(committed[0]);
    for (const { id, decision } of outcomes) {
      expect(committed[0]?.includes(id), id).toBe(decision === 'committed');
    }
    expect(resources.flatMap((resource) => resource.in('prepared'))).toEqual([]);
  });
});
