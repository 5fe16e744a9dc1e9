import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { Coordinator, Participant } from '@zk-recipes/two-phase-commit';
import { InMemoryResource } from '@zk-recipes/two-phase-commit/testing';
import { expect, it } from 'vitest';
import { CostMeter } from '../stage/lock-costs.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';

const PARTICIPANTS = ['a', 'b'];

describeOnOwnServers('many two-phase commits at once', { timeout: 120_000 }, () => {
  const server = ownServer({ tickTimeMs: 3_000 });
  const on = stage(() => server().connectString);

  it('cost as much each as one alone, and wake nobody who has no part in them', async () => {
    const meter = new CostMeter(() => on.server);
    const path = freshLine();
    const sessionTimeoutMs = 40_000;
    const observer = await on.keeper({ sessionTimeoutMs });
    const resources = PARTICIPANTS.map(() => new InMemoryResource<number>());
    for (const [index, name] of PARTICIPANTS.entries()) {
      const resource = resources[index] as InMemoryResource<number>;
      const participant = new Participant<number>(await on.keeper({ sessionTimeoutMs }), path, name, resource);
      on.afterwards(() => participant.close());
      await participant.start();
    }
    const coordinator = new Coordinator<number>(await on.keeper({ sessionTimeoutMs }), path);
    on.afterwards(() => coordinator.close());
    // Another who waits for its own votes only.
    const other = new Coordinator<number>(await on.keeper({ sessionTimeoutMs }), path);
    on.afterwards(() => other.close());
    const idle = other
      .run({ payload: 0, participants: ['nobody'], timeoutMs: 100_000 })
      .catch((error: unknown) => error);
    const run = async (count: number): Promise<void> => {
      const options = { participants: PARTICIPANTS, timeoutMs: 60_000 };
      const runs = Array.from({ length: count }, (_, payload) => coordinator.run({ payload, ...options }));
      for (const { decision } of await Promise.all(runs)) expect(decision).toBe('committed');
    };
    await run(1);
    const count = 1_000;
    const cost = await meter.during(() => run(count));
    const per = { requests: cost.requests / count, notices: cost.notices / count };
    console.info(`two-phase commit with 2 participants, ${count} at once, each:`, per);
    // Begin, decision, removal; two votes, read and written; what each of two participants reads, and its two writes; lists and watches.
    expect(per.requests).toBeLessThan(32);
    // Two entries that come and go, two decisions, two votes, two notes.
    expect(per.notices).toBeLessThan(13);
    await other.close();
    await idle;
    const nobody = new Participant<number>(observer, path, 'nobody', new InMemoryResource<number>());
    on.afterwards(() => nobody.close());
    await nobody.start();
    expect(resources.map((resource) => resource.in('committed').length)).toEqual([count + 1, count + 1]);
  });
});
