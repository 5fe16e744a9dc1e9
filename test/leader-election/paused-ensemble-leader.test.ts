import { startEnsemble, until, type ZooKeeperEnsemble } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { contestant, kinds } from '../stage/contestants.js';
import { ElectionRecord } from '../stage/election-record.js';
import { freshLine, stage } from '../stage/stage.js';

const sessionTimeoutMs = 2_000;
const pauseMs = 1.5 * sessionTimeoutMs;

describeOnOwnServers('an ensemble whose leader is paused for longer than sessions live', { timeout: 60_000 }, () => {
  let ensemble: ZooKeeperEnsemble;
  beforeAll(async () => {
    // The followers bear with their leader for ten seconds, and take their clients' connections all the while.
    ensemble = await startEnsemble({ tickTimeMs: 250, config: { syncLimit: '40' } });
  }, 60_000);
  afterAll(async () => await ensemble?.[Symbol.asyncDispose]());
  const on = stage(() => ensemble.connectString);

  it.each(kinds)(
    'leaders on its followers step down by their clocks, before it wakes and ends their sessions: %s',
    async (kind) => {
      const leader = await ensemble.untilServing();
      const followers = ensemble.members
        .filter((member) => member !== leader)
        .map(({ connectString }) => connectString);
      const keepers = await Promise.all(
        [...followers, ...followers].map((connectString) => on.keeper({ connectString, sessionTimeoutMs })),
      );
      const path = freshLine();
      const contestants = keepers.map((keeper, index) => contestant(kind, keeper, path, `${kind} ${index}`));
      const record = new ElectionRecord(contestants);
      for (const one of contestants) await one.start();
      await record.untilLed(0);

      await leader.pause();
      const pausedAtMs = performance.now();
      try {
        await until(() => (record.leaders.length === 0 ? true : undefined), { what: 'it to step down', everyMs: 2 });
        expect(performance.now() - pausedAtMs).toBeLessThan(sessionTimeoutMs);
        await until(() => (performance.now() - pausedAtMs > pauseMs ? true : undefined), {
          what: 'the end of the pause',
        });
        expect(record.leaders).toEqual([]);
      } finally {
        await leader.resume();
      }
      await record.untilLed(1, sessionTimeoutMs + 5_000);
      await Promise.all(contestants.map((one) => one.close()));
      record.expectSafe({ atLeast: 2 });
    },
  );
});
