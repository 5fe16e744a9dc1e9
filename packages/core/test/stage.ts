import { TcpProxy } from '@zk-recipes/test-support';
import { freshPath, sharedServer } from '@zk-recipes/test-support/vitest';
import { afterEach } from 'vitest';
import { ZooKeeper } from 'zookeeper-ts-client';
import { OpCode } from 'zookeeper-ts-client/protocol';
import {
  type BackgroundError,
  type ConnectionState,
  exponentialBackoff,
  Keeper,
  type KeeperOptions,
  type WatchedEvent,
} from '../src/index.js';

/** Requests that faults are aimed at, by the number that they have on the wire. */
export const wire = {
  create: OpCode.create2,
  createContainer: OpCode.createContainer,
  delete: OpCode.delete,
  setData: OpCode.setData,
  setAcl: OpCode.setACL,
  multi: OpCode.multi,
  exists: OpCode.exists,
  getData: OpCode.getData,
  getChildren: OpCode.getChildren2,
  sync: OpCode.sync,
} as const;

/** What a test works with; all of it is closed after the test. */
export interface Stage {
  /** A keeper below a namespace of its own, on the shared server. */
  keeper(options?: Partial<KeeperOptions>): Promise<Keeper>;
  /** The same behind a network that can be broken. */
  proxied(options?: Partial<KeeperOptions>): Promise<{ keeper: Keeper; proxy: TcpProxy }>;
  /** Ends a keeper's session on the server, as its expiry would. */
  expire(keeper: Keeper): Promise<void>;
  /** Background errors of all keepers so far. */
  readonly errors: BackgroundError[];
}

/** Sets up a stage for each test of the file. */
export function stage(): Stage {
  const closing: (() => Promise<unknown>)[] = [];
  const errors: BackgroundError[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    errors.length = 0;
  });
  const connect = async (connectString: string, options: Partial<KeeperOptions> = {}): Promise<Keeper> => {
    const keeper = await Keeper.connect({
      connectString,
      namespace: freshPath('core').slice(1),
      sessionTimeoutMs: 6_000,
      retry: exponentialBackoff({ baseDelayMs: 5, maxDelayMs: 100, maxRetries: 10 }),
      reconnect: { minDelayMs: 5, maxDelayMs: 20 },
      ...options,
    });
    keeper.on('backgroundError', (error) => errors.push(error));
    closing.push(() => leaveNothing(keeper));
    return keeper;
  };
  return {
    errors,
    keeper: (options) => connect(sharedServer().connectString, options),
    proxied: async (options) => {
      const proxy = await TcpProxy.inFrontOf(oneServer());
      closing.push(() => proxy[Symbol.asyncDispose]());
      return { keeper: await connect(proxy.connectString, options), proxy };
    },
    expire: async ({ zookeeper }) => {
      const session = { id: zookeeper.sessionId, passwd: zookeeper.sessionPasswd };
      const twin = await ZooKeeper.connect(oneServer(), { session, sessionTimeoutMs: 6_000 });
      await twin.close();
    },
  };
}

/** Resolves when the keeper's connection comes to this state. */
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

/** Leaves a watch on a znode that is there, and then gives what will come of it. */
export async function watchingExisting(keeper: Keeper, path: string): Promise<{ event: Promise<WatchedEvent> }> {
  let fired: (event: WatchedEvent) => void = () => {};
  const event = new Promise<WatchedEvent>((resolve) => {
    fired = resolve;
  });
  await keeper.getData().watching(fired).forPath(path);
  return { event };
}

/** Somebody may run the tests on a server that goes on after them. */
async function leaveNothing(keeper: Keeper): Promise<void> {
  const root = keeper.usingNamespace('').delete().deletingChildren().quietly();
  if (keeper.connectionState.endsWith('CONNECTED')) {
    await root.forPath(`/${keeper.namespace}`, { signal: AbortSignal.timeout(1_000) }).catch(() => {});
  }
  await keeper.close();
}

function oneServer(): string {
  return sharedServer().connectString.split(',')[0] as string;
}
