import { NotHeldError } from '@zk-recipes/core';
import { until } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { contestant, kinds, markers } from '../stage/contestants.js';
import { ElectionRecord } from '../stage/election-record.js';
import { namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { serverCounters, untilWatchCount } from '../stage/server-counters.js';
import { expire, freshLine, ownServer, stage, untilState } from '../stage/stage.js';
import { wire } from '../stage/wire.js';

/** For tests that wait until a session expires. */
const brief = { sessionTimeoutMs: 1_000 };

const lossable = [
  ['reply', 'create'],
  ['request', 'create'],
  ['reply', 'createContainer'],
  ['request', 'createContainer'],
  ['reply', 'delete'],
  ['request', 'delete'],
  ['reply', 'getChildren'],
  ['reply', 'getData'],
] as const;

describeOnOwnServers.each(kinds)('%s through what may happen', (kind) => {
  const server = ownServer({ tickTimeMs: 250, systemProperties: { 'znode.container.checkIntervalMs': 20 } });
  const on = stage(() => server().connectString);

  it.each(lossable)('rows 1 and 2: the %s of a %s is lost: leads, hands over, leaves nothing', async (what, op) => {
    const { keeper, proxy } = await on.proxied();
    const other = await on.keeper();
    const path = `${freshLine()}/election`;
    const [a, b] = [contestant(kind, keeper, path, 'a'), contestant(kind, other, path, 'b')];
    const record = new ElectionRecord([a, b]);
    const fault = what === 'reply' ? proxy.loseReplyOnce({ op: wire[op] }) : proxy.loseRequestOnce({ op: wire[op] });
    await a.start();
    await a.elected();
    await b.start();
    await untilNames(other, path, 2);
    await a.close();
    await fault;
    await b.elected();
    expect(await namesIn(other, path)).toHaveLength(1);
    await b.close();
    await untilEmpty(other, path);
    record.expectSafe({ atLeast: 2 });
    expect(on.errors).toEqual([]);
  });

  it('row 3: the session of a waiter expires: it stands in line again, once', async () => {
    const [first, keeper] = [await on.keeper(), await on.keeper()];
    const path = freshLine();
    const [a, b] = [contestant(kind, first, path, 'a'), contestant(kind, keeper, path, 'b')];
    const record = new ElectionRecord([a, b]);
    await a.start();
    await a.elected();
    for (let round = 0; round < 5; round++) {
      if (round === 0) await b.start();
      // The leader's own znode, by both, and the waiter's own.
      await untilWatchCount(on.server, 3);
      await expire(keeper, on.server);
      await until(async () => ((await b.participants()).at(-1)?.sessionId === keeper.sessionId ? true : undefined), {
        what: 'the waiter to stand in line with its new session',
      });
      expect((await b.participants()).map(({ id }) => id)).toEqual(['a', 'b']);
    }
    await a.close();
    expect((await b.elected()).id).toBe('b');
    record.expectSafe({ atLeast: 2 });
    expect(on.errors).toEqual([]);
  });

  it('row 4: the session of the leader expires: it knows before the next is elected, and stands again', async () => {
    const proxied = [await on.proxied(brief), await on.proxied(brief)] as const;
    const path = freshLine();
    const contestants = proxied.map(({ keeper }, index) => contestant(kind, keeper, path, `${index}`));
    const record = new ElectionRecord(contestants);
    for (const one of contestants) await one.start();
    for (let round = 1; round <= 4; round++) {
      const tenure = await record.untilLed(round - 1);
      const { keeper, proxy } = proxied[Number(tenure.id)] as (typeof proxied)[number];
      await untilNames(keeper, path, 2);
      proxy.blackhole();
      await record.untilLed(round);
      expect(tenure.signal.reason).toMatchObject({ reason: 'validity' });
      await tenure.release();
      proxy.heal();
    }
    for (const one of contestants) await one.close();
    record.expectSafe({ atLeast: 5 });
    expect(on.errors).toEqual([]);
    await untilEmpty(await on.keeper(), path);
  });

  it.each([0.5, 1, 2])('row 5: the event loop is blocked for %f of the session timeout', async (share) => {
    const keeper = await on.keeper(brief);
    const one = contestant(kind, keeper, freshLine(), 'a');
    await one.start();
    const tenure = await one.elected();
    const { signal } = tenure;
    const untilMs = performance.now() + share * keeper.sessionTimeoutMs;
    while (performance.now() < untilMs);
    // No turn of the event loop since: nothing but the clock can know.
    if (share < 1) {
      expect([one.isLeader, signal.aborted, tenure.state]).toEqual([true, false, 'held']);
      return;
    }
    expect([one.isLeader, signal.aborted, tenure.state, tenure.validForMs()]).toEqual([false, true, 'lost', 0]);
    expect(() => tenure.guard()).toThrow(NotHeldError);
    expect((await one.elected()).fencingToken).toBeGreaterThan(tenure.fencingToken);
  });

  it.each(['closes', 'crashes'])(
    'row 6: the one ahead %s: its follower proceeds and nobody else wakes up',
    async (how) => {
      const keepers = await Promise.all(Array.from({ length: 10 }, () => on.keeper()));
      const path = freshLine();
      const contestants = keepers.map((keeper, index) => contestant(kind, keeper, path, `${index}`));
      const record = new ElectionRecord(contestants);
      for (const [index, one] of contestants.entries()) {
        await one.start();
        await untilNames(one.keeper, path, index + 1);
      }
      for (let round = 0; round < 9; round++) {
        const ahead = contestants[round] as (typeof contestants)[number];
        await ahead.elected();
        // The leader watches its own znode, everybody else the one ahead; and who was second at its look its own as well.
        await untilWatchCount(on.server, round === 0 ? 11 : 10 - round);
        const before = await serverCounters(on.server);
        if (how === 'crashes') {
          // Its twin takes the session along; what stands again would disturb the count.
          const gone = untilState(ahead.keeper, 'LOST');
          void gone.then(() => ahead.close());
          await expire(ahead.keeper, on.server);
          await gone;
        } else await ahead.close();
        await contestants[round + 1]?.elected();
        await untilWatchCount(on.server, 9 - round);
        // The follower is told; a leader that deletes its own znode hears of that, too.
        const notices = (await serverCounters(on.server)).notices - before.notices;
        expect(notices).toBe(how === 'closes' ? 2 : 1);
      }
      // A session that its twin ends gives no warning: for who led beside whom it is no measure.
      if (how === 'closes') record.expectSafe({ atLeast: 10 });
    },
  );

  it('row 8: its path is removed with all candidates: they stand again, and one leads', async () => {
    const [first, second, observer] = [await on.keeper(), await on.keeper(), await on.keeper()];
    const path = `${freshLine()}/deep/election`;
    const [a, b] = [contestant(kind, first, path, 'a'), contestant(kind, second, path, 'b')];
    const record = new ElectionRecord([a, b]);
    await a.start();
    await a.elected();
    await b.start();
    for (let round = 1; round <= 5; round++) {
      await untilNames(observer, path, 2);
      const tenures = record.tenures.length;
      await observer.delete().deletingChildren().quietly().forPath(path);
      await record.untilLed(tenures);
      await untilNames(observer, path, 2);
    }
    await Promise.all([a.close(), b.close()]);
    // Nobody stands there any more: the server reaps the path.
    await until(async () => ((await observer.exists().forPath(path)) === null ? true : undefined), {
      what: 'the reaper',
    });
    const later = contestant(kind, second, path, 'later');
    record.follow(later);
    await later.start();
    await later.elected();
    record.expectSafe({ atLeast: 7, deletedByHand: true });
  });

  it('row 9: foreign children: one with the name of a place blocks, as with Curator, others do not', async () => {
    const keeper = await on.keeper();
    const path = freshLine();
    await keeper.create().forPath(path);
    for (const name of ['zfoo', '_foo', '0foo', '0', '-1', markers[kind]]) {
      await keeper.create().forPath(`${path}/${name}`, name);
    }
    const foreign = `${path}/${markers[kind]}0000000000`;
    await keeper.create().forPath(foreign, Buffer.from([0xff, 0xfe]));
    const one = contestant(kind, keeper, path, 'a');
    await one.start();
    await untilWatchCount(on.server, 2);
    expect(one.isLeader).toBe(false);
    expect((await one.participants()).map(({ id }) => id)).toContain('a');
    expect((await one.leader())?.path).toBe(foreign);
    await keeper.delete().forPath(foreign);
    await one.elected();
    expect((await one.leader())?.id).toBe('a');
  });
});
