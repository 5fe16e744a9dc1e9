import { HoldLostError, type Keeper } from '@zk-recipes/core';
import { type TcpProxy, until, type ZooKeeperServer } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { OpCode } from 'zookeeper-ts-client/protocol';
import { namesIn, untilEmpty } from '../stage/lines.js';
import { expire, freshLine, ownServer, stage } from '../stage/stage.js';
import { type Ending, everyEnding } from './endings.js';

/** What a busy machine may take beyond a limit, in milliseconds; less than what tells the limits apart. */
const SLACK_MS = 1_000;

/** A keeper, the network between it and its server, and another process. */
interface Scene {
  readonly keeper: Keeper;
  readonly rival: Keeper;
  readonly proxy: TcpProxy;
  readonly server: ZooKeeperServer;
}

/** What happens to the server or to the connection. */
interface Situation {
  /** Begins it. */
  strike(scene: Scene): Promise<void>;
  /** Resolves when the keeper has come to know of it. */
  untilKnown?(scene: Scene): Promise<unknown>;
  /** Ends it. */
  restore?(scene: Scene): Promise<void>;
  /** Whether the connection stands and nothing is answered, so that endings wait for their limit. */
  readonly isSilent: boolean;
  /** Session timeout of the keeper, in milliseconds. Default 10,000. */
  readonly sessionTimeoutMs?: number;
  /** Whether it ends the session, and with it all that is held. */
  readonly endsSession: boolean;
}

/** Resolves when the keeper has another session than its first. */
function untilNextSession({ keeper }: Scene): Promise<unknown> {
  return until(() => (keeper.sessionEpoch > 1 && keeper.connectionState !== 'LOST' ? true : undefined), {
    what: 'the next session',
  });
}

const situations: Readonly<Record<string, Situation>> = {
  'the servers refuse connections': {
    strike: async ({ proxy }) => {
      proxy.refuse();
      proxy.cut();
    },
    untilKnown: ({ keeper }) => until(() => keeper.connectionState === 'SUSPENDED' || undefined, { what: 'SUSPENDED' }),
    restore: async ({ proxy }) => {
      proxy.heal();
      await proxy.accept();
    },
    isSilent: false,
    endsSession: false,
  },
  'the network is silent in both directions': {
    strike: async ({ proxy }) => proxy.blackhole(),
    restore: async ({ proxy }) => proxy.heal(),
    isSilent: true,
    endsSession: false,
  },
  'the server is paused': {
    strike: async ({ server, proxy }) => {
      await server.pause();
      // Replies that were given before the pause stay under way.
      proxy.heal({ direction: 'to-server' });
    },
    restore: async ({ server, proxy }) => {
      proxy.heal();
      await server.resume();
    },
    isSilent: true,
    endsSession: false,
  },
  'the server comes back without its data': {
    strike: async ({ server, proxy }) => {
      await server.wipe();
      proxy.heal();
    },
    untilKnown: async (scene) => {
      await scene.server.start();
      await untilNextSession(scene);
    },
    sessionTimeoutMs: 3_000,
    restore: async ({ server }) => {
      if (server.state === 'down') await server.start();
    },
    isSilent: false,
    endsSession: true,
  },
  'the session expires': {
    strike: async ({ keeper, server, proxy }) => {
      await expire(keeper, server.connectString);
      proxy.heal();
    },
    untilKnown: untilNextSession,
    isSilent: false,
    endsSession: true,
  },
  'the session is replaced': {
    strike: async ({ proxy }) => {
      proxy.forgetSessions();
      proxy.cut();
      proxy.heal();
    },
    untilKnown: untilNextSession,
    restore: async ({ proxy }) => proxy.forgetSessions(false),
    isSilent: false,
    endsSession: true,
  },
};

interface Ended {
  readonly ending: Ending;
  readonly tookMs: number;
  /** What it rejected with. */
  readonly error: unknown;
}

async function timed(ending: Ending): Promise<Ended> {
  const beganMs = performance.now();
  const error = await ending.end().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { ending, tookMs: performance.now() - beganMs, error };
}

/** Paths of all znodes of the endings that are there, but for those of the rival. */
async function ownZnodes({ rival }: Scene, endings: readonly Ending[]): Promise<string[]> {
  const directories = endings.flatMap((ending) => ending.directories);
  const names = await Promise.all(directories.map((directory) => namesIn(rival, directory)));
  return directories.flatMap((directory, index) =>
    (names[index] ?? []).filter((name) => name.startsWith('_c_')).map((name) => `${directory}/${name}`),
  );
}

/** Begins all endings and has it happen, before that or meanwhile. */
async function endAll(scene: Scene, endings: readonly Ending[], { strike, untilKnown }: Situation, when: Moment) {
  const { proxy } = scene;
  if (when === 'before it begins') {
    await strike(scene);
    await untilKnown?.(scene);
    return await Promise.all(endings.map(timed));
  }
  proxy.blackhole({ direction: when === 'while its requests are under way' ? 'both' : 'to-client' });
  const earlier = proxy.requestCount(OpCode.delete);
  const ended = Promise.all(endings.map(timed));
  const areSent = (): true | undefined => proxy.requestCount(OpCode.delete) - earlier >= endings.length || undefined;
  await until(areSent, { what: 'the deletes', everyMs: 2 });
  await strike(scene);
  return await ended;
}

function expectInTime(ended: readonly Ended[], isSilent: boolean): void {
  const late = ended.filter(({ ending, tookMs }) => tookMs > (isSilent ? ending.limitMs : 0) + SLACK_MS);
  expect(late.map(({ ending, tookMs }) => `${ending.name}: ${Math.round(tookMs)} ms`)).toEqual([]);
}

function expectResolved(ended: readonly Ended[], isLost: boolean): void {
  const rejected = ended.filter(({ ending, error }) =>
    isLost && ending.tellsLoss ? !(error instanceof HoldLostError) : error !== undefined,
  );
  expect(rejected.map(({ ending, error }) => `${ending.name}: ${error}`)).toEqual([]);
}

const moments = ['before it begins', 'while its requests are under way', 'while its replies are under way'] as const;
type Moment = (typeof moments)[number];

describeOnOwnServers('an ending', { timeout: 60_000 }, () => {
  const server = ownServer();
  const on = stage(() => server().connectString);

  describe.each(Object.entries(situations))('when %s', (_, situation) => {
    it.each(moments)('%s', async (when) => {
      const { sessionTimeoutMs = 10_000, isSilent, endsSession } = situation;
      const { keeper, proxy } = await on.proxied({ sessionTimeoutMs });
      const scene: Scene = { keeper, proxy, rival: await on.keeper(), server: server() };
      // Also if the test fails: the next one needs the server.
      on.afterwards(async () => await situation.restore?.(scene));
      const endings = await everyEnding(keeper, freshLine(), scene.rival);
      const znodes = await ownZnodes(scene, endings);
      expect(znodes.length).toBeGreaterThan(endings.length);

      const ended = await endAll(scene, endings, situation, when);

      expectInTime(ended, isSilent);
      expectResolved(ended, endsSession && when === 'before it begins');
      const told = (): string[] =>
        on.errors.filter(({ operation }) => operation === 'left behind').map(({ path }) => `${path}`);
      if (!endsSession) {
        await until(() => told().length >= znodes.length || undefined, {
          what: 'all that is left to be told',
          timeoutMs: 5_000,
        });
        expect(told().sort()).toEqual(znodes.toSorted());
      }
      await situation.restore?.(scene);
      await scene.rival.close();
      const observer = await on.keeper();
      for (const directory of endings.flatMap((ending) => ending.directories)) await untilEmpty(observer, directory);
    });
  });
});
