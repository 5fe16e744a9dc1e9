import { setTimeout as delay } from 'node:timers/promises';
import { Barrier, DoubleBarrier } from '@zk-recipes/barriers';
import { JavaPeer } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { whyNoJavaPeers } from '@zk-recipes/test-support/vitest/java-peers';
import { afterEach, describe, expect, it } from 'vitest';
import { isSettled, namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { untilWatchCount, untilWatched } from '../stage/server-counters.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';

const sessionTimeoutMs = 2_000;

/** A user of Curator's barriers, in a Java process of its own. */
class JavaUser {
  readonly #peer: JavaPeer;

  private constructor(peer: JavaPeer) {
    this.#peer = peer;
  }

  static async start(server: string, path: string, members: number): Promise<JavaUser> {
    const source = new URL('java/BarrierPeer.java', import.meta.url);
    const peer = await JavaPeer.start(source, [server, path, String(members), String(sessionTimeoutMs)]);
    await peer.receive({ event: 'ready' });
    return new JavaUser(peer);
  }

  /** Resolves when it has done it. */
  async does(what: 'enter' | 'leave' | 'set' | 'remove' | 'wait'): Promise<void> {
    this.#peer.send({ do: what });
    await this.#peer.receive({ event: what });
  }

  async kill(): Promise<void> {
    await this.#peer.kill();
  }
}

describe.skipIf(whyNoJavaPeers !== null)('with Curator', () => {
  describeOnOwnServers('barriers', { timeout: 90_000 }, () => {
    const server = ownServer({ tickTimeMs: 250 });
    const on = stage(() => server().connectString);
    const users: JavaUser[] = [];
    afterEach(async () => {
      await Promise.all(users.splice(0).map((user) => user.kill()));
    });

    async function java(path: string, members = 1): Promise<JavaUser> {
      const user = await JavaUser.start(on.server, path, members);
      users.push(user);
      return user;
    }

    it('Barrier: each sets, removes and waits for what the other has set', async () => {
      const keeper = await on.keeper();
      const barrier = new Barrier(keeper, freshLine());
      const theirs = await java(barrier.path);
      await theirs.does('set');
      const waiting = barrier.wait();
      await untilWatched(on.server, barrier.path);
      expect(await isSettled(waiting)).toBe(false);
      await theirs.does('remove');
      await waiting;
      expect(await barrier.isSet()).toBe(false);
      await barrier.set();
      await theirs.does('set');
      const theirWait = theirs.does('wait');
      await untilWatched(on.server, barrier.path);
      await barrier.remove();
      await theirWait;
      await theirs.does('remove');
      await barrier.set();
      await barrier.remove();
      await theirs.does('wait');
    });

    it.each([
      [1, 1],
      [2, 1],
      [1, 2],
      [2, 3],
    ])('DoubleBarrier: %d of theirs and %d of ours enter and leave together, round after round', async (their, our) => {
      const path = freshLine();
      const members = their + our;
      const observer = await on.keeper();
      const theirs = await Promise.all(Array.from({ length: their }, () => java(path, members)));
      const keepers = await Promise.all(Array.from({ length: our }, () => on.keeper()));
      const ours = keepers.map((keeper) => new DoubleBarrier(keeper, path, { members }));
      for (let round = 0; round < times(10, 100); round++) {
        const all = [
          ...theirs.map((one) => ({ enter: () => one.does('enter'), leave: () => one.does('leave') })),
          ...ours.map((one) => ({ enter: () => one.enter(), leave: () => one.leave() })),
        ];
        // Another one is the last each time.
        const [last, ...others] = [...all.slice(round % members), ...all.slice(0, round % members)];
        const entering = others.map((one) => one.enter());
        await untilNames(observer, path, members - 1);
        expect(await isSettled(Promise.race(entering))).toBe(false);
        await Promise.all([...entering, last?.enter()]);
        expect(await namesIn(observer, path)).toContain('ready');
        const leaving = others.map((one) => one.leave());
        // Time enough to leave too early.
        await delay(20);
        expect(await isSettled(Promise.race(leaving))).toBe(false);
        await Promise.all([...leaving, last?.leave()]);
        await untilEmpty(observer, path);
      }
      expect(on.errors).toEqual([]);
    });

    it('DoubleBarrier: one of either crashes inside, and the other leaves', async () => {
      const path = freshLine();
      const observer = await on.keeper();
      const crashing = await on.keeper({ sessionTimeoutMs });
      const theirs = await java(path, 2);
      const dead = new DoubleBarrier(crashing, path, { members: 2 });
      await Promise.all([dead.enter(), theirs.does('enter')]);
      await Promise.all([crashing.close(), theirs.does('leave')]);
      await untilEmpty(observer, path);

      const ours = new DoubleBarrier(observer, path, { members: 2 });
      await Promise.all([ours.enter(), theirs.does('enter')]);
      const beganMs = performance.now();
      await Promise.all([theirs.kill(), ours.leave()]);
      expect(performance.now() - beganMs).toBeLessThan(sessionTimeoutMs + 1_000);
      await untilEmpty(observer, path);
      await untilWatchCount(on.server, 0);
    });
  });
});
