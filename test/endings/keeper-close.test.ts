import type { Keeper } from '@zk-recipes/core';
import { Mutex } from '@zk-recipes/locks';
import type { TcpProxy, ZooKeeperServer } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { untilEmpty } from '../stage/lines.js';
import { expire, freshLine, ownServer, stage, untilState } from '../stage/stage.js';

const LIMIT_MS = 2_000;
const SHORT_LIMIT_MS = 300;
/** What a busy machine may take beyond a limit, in milliseconds. */
const SLACK_MS = 750;
/** How long a connection is waited for that may come back. */
const RECONNECT_MS = 750;

interface Scene {
  readonly keeper: Keeper;
  readonly proxy: TcpProxy;
  readonly server: ZooKeeperServer;
}

interface Situation {
  strike(scene: Scene): Promise<void>;
  restore(scene: Scene): Promise<void>;
  readonly isConnected: boolean;
}

const situations: Readonly<Record<string, Situation>> = {
  'the servers refuse connections': {
    strike: async ({ keeper, proxy }) => {
      const suspended = untilState(keeper, 'SUSPENDED');
      proxy.refuse();
      proxy.cut();
      await suspended;
    },
    restore: async ({ proxy }) => await proxy.accept(),
    isConnected: false,
  },
  'the network is silent in both directions': {
    strike: async ({ proxy }) => proxy.blackhole(),
    restore: async ({ proxy }) => proxy.heal(),
    isConnected: true,
  },
  'the server is paused': {
    strike: ({ server }) => server.pause(),
    restore: ({ server }) => server.resume(),
    isConnected: true,
  },
};

describeOnOwnServers('a Keeper is closed', () => {
  const server = ownServer();
  const on = stage(() => server().connectString);

  async function timed(work: () => Promise<unknown>): Promise<number> {
    const beganMs = performance.now();
    await work();
    return performance.now() - beganMs;
  }

  describe.each(Object.entries(situations))('when %s', (_, { strike, restore, isConnected }) => {
    async function prepare(): Promise<Scene> {
      const { keeper, proxy } = await on.proxied({ sessionTimeoutMs: 10_000 });
      const scene = { keeper, proxy, server: server() };
      on.afterwards(() => restore(scene));
      return scene;
    }

    it('without pending deletes: no connection is waited for, and of a silent server there is nothing to tell', async () => {
      const scene = await prepare();
      await strike(scene);
      expect(await timed(() => scene.keeper.close())).toBeLessThan((isConnected ? LIMIT_MS : 0) + SLACK_MS);
      expect(on.errors).toEqual([]);
    });

    it('with pending deletes: within one budget, and tells what is left', async () => {
      const scene = await prepare();
      const { keeper } = scene;
      const path = freshLine();
      const holds = await Promise.all(
        Array.from({ length: 20 }, (_one, index) => new Mutex(keeper, `${path}/${index}`).acquire()),
      );
      const lasting = await Promise.all(
        ['a', 'b'].map((name) => keeper.create().creatingParents().forPath(`${path}/lasting/${name}`)),
      );
      await strike(scene);
      const releases = holds.map((hold) => hold.release());
      const given = new AbortController();
      const deletes = lasting.map((one) => keeper.delete().guaranteed().forPath(one, { signal: given.signal }));
      given.abort(new Error('the background goes on'));
      await Promise.allSettled(deletes);
      const tookMs = await timed(() => keeper.close());
      expect(tookMs).toBeLessThan((isConnected ? LIMIT_MS : RECONNECT_MS) + SLACK_MS);
      await Promise.all(releases);
      const told = on.errors.map(({ operation, path: about }) => {
        expect(operation).toBe('left behind');
        return about;
      });
      expect(told).toEqual(expect.arrayContaining([...holds.map((hold) => hold.path)]));
      expect(new Set(told).size).toBe(told.length);
      await restore(scene);
      const observer = await on.keeper();
      for (const index of holds.keys()) await untilEmpty(observer, `${path}/${index}`, 20_000);
    });

    it('with a limit: within that', async () => {
      const scene = await prepare();
      const hold = await new Mutex(scene.keeper, freshLine()).acquire();
      await strike(scene);
      void hold.release();
      expect(await timed(() => scene.keeper.close({ timeoutMs: SHORT_LIMIT_MS }))).toBeLessThan(
        SHORT_LIMIT_MS + SLACK_MS,
      );
      await timed(() => scene.keeper.close());
    });
  });

  it.each(['is wiped', 'has ended the session', 'grants another session'])(
    'when the server %s: within one budget, and leaves nothing',
    { timeout: 60_000 },
    async (what) => {
      const { keeper, proxy } = await on.proxied({ sessionTimeoutMs: 4_000 });
      const path = freshLine();
      const hold = await new Mutex(keeper, path).acquire();
      if (what === 'is wiped') await server().wipe();
      if (what === 'has ended the session') await expire(keeper, on.server);
      if (what === 'grants another session') {
        proxy.forgetSessions();
        proxy.cut();
      }
      const tookMs = await timed(() => Promise.all([hold.release(), keeper.close()]));
      expect(tookMs).toBeLessThan(LIMIT_MS + SLACK_MS);
      if (what === 'is wiped') await server().start();
      await untilEmpty(await on.keeper(), path, 10_000);
    },
  );
});
