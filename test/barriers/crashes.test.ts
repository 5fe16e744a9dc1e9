import { DoubleBarrier } from '@zk-recipes/barriers';
import { until } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { isSettled, untilEmpty, untilNames } from '../stage/lines.js';
import { untilWatched, watchedPaths } from '../stage/server-counters.js';
import { expire, freshLine, ownServer, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';

const sessionTimeoutMs = 1_000;
const tickTimeMs = 250;
/** A member that was cut off counts until then. */
const releaseMs = sessionTimeoutMs + 2 * tickTimeMs + 250;

describeOnOwnServers('S16: ten members of a double barrier, of whom one goes', { timeout: 120_000 }, () => {
  const server = ownServer({ tickTimeMs });
  const on = stage(() => server().connectString);

  async function crew() {
    const path = freshLine();
    const keepers = await Promise.all(Array.from({ length: 9 }, () => on.keeper()));
    const { keeper, proxy } = await on.proxied({ sessionTimeoutMs });
    const others = keepers.map((one) => new DoubleBarrier(one, path, { members: 10 }));
    const one = new DoubleBarrier(keeper, path, { members: 10 });
    return { path, others, one, keeper, proxy, observer: keepers[0] as (typeof keepers)[number] };
  }

  it.each(['in enter', 'inside', 'in leave'])('cut off %s, it releases the others in time', async (where) => {
    const { path, others, one, proxy, observer } = await crew();
    const entering = one.enter();
    if (where === 'in enter') {
      await untilWatched(on.server, `${path}/ready`);
      proxy.blackhole();
      await untilNames(observer, path, 0, releaseMs);
      // It does not count any more, and comes again.
      const waiting = others.map((other) => other.enter());
      await untilNames(observer, path, 9);
      expect(await isSettled(Promise.race(waiting))).toBe(false);
      proxy.heal();
      await Promise.all([...waiting, entering]);
      await Promise.all([...others, one].map((member) => member.leave()));
      await untilEmpty(observer, path);
      return;
    }
    await Promise.all([...others.map((other) => other.enter()), entering]);
    const leavingItself = where === 'in leave' ? one.leave() : null;
    if (leavingItself !== null) expect(await isSettled(leavingItself)).toBe(false);
    proxy.blackhole();
    const beganMs = performance.now();
    await Promise.all(others.map((other) => other.leave()));
    expect(performance.now() - beganMs).toBeLessThan(releaseMs);
    proxy.heal();
    await (leavingItself ?? one.leave());
    await untilEmpty(observer, path);
    expect(on.errors).toEqual([]);
  });

  it('its session expires, at one place or another, in many rounds', async () => {
    const { path, others, one, keeper, observer } = await crew();
    for (let round = 0; round < times(15, 100); round++) {
      const entering = [...others.slice(1), one].map((member) => member.enter());
      if (round % 3 === 0) await expire(keeper, on.server);
      await Promise.all([...entering, others[0]?.enter()]);
      if (round % 3 === 1) await expire(keeper, on.server);
      const leaving = [...others.slice(1), one].map((member) => member.leave());
      if (round % 3 === 2) await expire(keeper, on.server);
      expect(await isSettled(Promise.race(leaving))).toBe(false);
      await Promise.all([...leaving, others[0]?.leave()]);
      await untilEmpty(observer, path);
    }
    expect(on.errors).toEqual([]);
  });

  it.each(['connected', 'cut off'])(
    'gives up without waiting for an answer, %s, in enter and in leave',
    async (how) => {
      const { path, others, one, proxy, observer } = await crew();
      const inTime = async (call: (signal: AbortSignal) => Promise<void>): Promise<void> => {
        const controller = new AbortController();
        const giving = call(controller.signal);
        await until(async () => ((await watchedPaths(on.server, path)).length > 0 ? true : undefined), {
          what: 'its waiting',
        });
        if (how === 'cut off') proxy.blackhole();
        const abortedAtMs = performance.now();
        controller.abort('enough');
        await expect(giving).rejects.toBe('enough');
        // An answer would come when the network heals.
        expect(performance.now() - abortedAtMs).toBeLessThan(sessionTimeoutMs / 2);
        proxy.heal();
      };
      await inTime((signal) => one.enter({ signal }));
      await untilEmpty(observer, path, releaseMs);
      await Promise.all([...others, one].map((member) => member.enter()));
      await inTime((signal) => one.leave({ signal }));
      await Promise.all(others.map((member) => member.leave()));
      await untilEmpty(observer, path);
    },
  );
});
