import { type BackgroundError, type ConnectionState, Keeper, type KeeperOptions, retryNTimes } from '@zk-recipes/core';
import { startStandalone, TcpProxy, type ZooKeeperServer } from '@zk-recipes/test-support';
import { freshPath, sharedServer } from '@zk-recipes/test-support/vitest';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { SessionExpiredError, ZooKeeper } from 'zookeeper-ts-client';

/** A keeper and the network between it and its server. */
export interface ProxiedKeeper {
  readonly keeper: Keeper;
  readonly proxy: TcpProxy;
}

/** What a test works with; all of it is closed after the test. */
export interface Stage {
  /** A keeper on the shared server, or on the one that the stage was set up for. */
  keeper(options?: Partial<KeeperOptions>): Promise<Keeper>;
  /** The same behind a network that can be broken. */
  proxied(options?: Partial<KeeperOptions>): Promise<ProxiedKeeper>;
  /** A network in front of a server, the stage's own by default. */
  proxy(server?: string): Promise<TcpProxy>;
  /** Has something done after the test, before what was set up earlier is closed. */
  afterwards(work: () => Promise<unknown>): void;
  /** Background errors of all keepers of the test so far. */
  readonly errors: readonly BackgroundError[];
  /** Address of the server. */
  readonly server: string;
}

/** Sets up a stage for each test of the file. @param address of the server; that of the shared one by default */
export function stage(address: () => string = () => sharedServer().connectString): Stage {
  const closing: (() => Promise<unknown>)[] = [];
  const errors: BackgroundError[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    errors.length = 0;
  });
  const self: Stage = {
    errors,
    get server() {
      return address().split(',')[0] as string;
    },
    afterwards: (work) => void closing.push(work),
    keeper: async (options = {}) => {
      const keeper = await Keeper.connect({
        connectString: address(),
        sessionTimeoutMs: 6_000,
        retry: retryNTimes({ retries: 10, delayMs: 10 }),
        reconnect: { minDelayMs: 5, maxDelayMs: 50 },
        ...options,
      });
      keeper.on('backgroundError', (error) => errors.push(error));
      closing.push(() => keeper.close());
      return keeper;
    },
    proxy: async (server = self.server) => {
      const proxy = await TcpProxy.inFrontOf(server);
      closing.push(() => proxy[Symbol.asyncDispose]());
      return proxy;
    },
    proxied: async (options) => {
      const proxy = await self.proxy();
      // Closed first: without a connection it could not end its session, and its znodes would outlive the test.
      const keeper = await self.keeper({ connectString: proxy.connectString, ...options });
      closing.push(async () => {
        proxy.heal();
        await proxy.accept();
      });
      return { keeper, proxy };
    },
  };
  return self;
}

/** A server of the test file's own, for tests that configure it or read its counters. */
export function ownServer(options: Parameters<typeof startStandalone>[0] = {}): () => ZooKeeperServer {
  let server: ZooKeeperServer | undefined;
  beforeAll(async () => {
    server = await startStandalone(options);
  });
  afterAll(async () => await server?.[Symbol.asyncDispose]());
  return () => server as ZooKeeperServer;
}

/** Ends a keeper's session on the server, as its expiry would: by a twin that resumes and closes it. */
export async function expire({ zookeeper }: Keeper, server: string): Promise<void> {
  const { sessionId: id, sessionPasswd: passwd, sessionTimeoutMs } = zookeeper;
  // Its owner may come back in between and take the session from the twin, before that has ended it: until it is not to be had any more.
  for (;;) {
    try {
      const twin = await ZooKeeper.connect(server, { session: { id, passwd }, sessionTimeoutMs });
      await twin.close();
    } catch (error) {
      if (error instanceof SessionExpiredError) return;
      throw error;
    }
  }
}

/** Resolves when the keeper's connection next comes to this state. */
export function untilState(keeper: Keeper, wanted: ConnectionState): Promise<void> {
  return new Promise((resolve) => {
    const listener = (state: ConnectionState): void => {
      if (state !== wanted) return;
      keeper.off('state', listener);
      resolve();
    };
    keeper.on('state', listener);
  });
}

/** A path for one test. @see freshPath */
export function freshLine(): string {
  return freshPath('line');
}
