import {
  type EnsembleOptions,
  startEnsemble,
  until,
  type ZooKeeperEnsemble,
  type ZooKeeperServer,
} from '@zk-recipes/test-support';
import { describeOnOwnServers, freshPath } from '@zk-recipes/test-support/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type ConnectionState,
  Keeper,
  type KeeperOptions,
  NotReadOnlyError,
  retryForever,
  retryNTimes,
} from '../src/index.js';
import { untilState } from './stage.js';

/** An ensemble for the tests of a block, and keepers of it. */
function onEnsemble(options: EnsembleOptions): {
  readonly members: () => readonly ZooKeeperServer[];
  readonly untilServing: () => Promise<ZooKeeperServer>;
  readonly connect: (options?: Partial<KeeperOptions>) => Promise<Keeper>;
} {
  let ensemble: ZooKeeperEnsemble;
  const keepers: Keeper[] = [];

  const connect = async (own: Partial<KeeperOptions> = {}): Promise<Keeper> => {
    const keeper = await Keeper.connect({
      connectString: ensemble.connectString,
      namespace: freshPath('core').slice(1),
      sessionTimeoutMs: 6_000,
      ...own,
    });
    keepers.push(keeper);
    return keeper;
  };

  beforeAll(async () => {
    ensemble = await startEnsemble(options);
  });
  afterAll(async () => {
    await Promise.all(keepers.map((keeper) => keeper.close()));
    await ensemble[Symbol.asyncDispose]();
  });
  return { members: () => ensemble.members, untilServing: () => ensemble.untilServing(), connect };
}

describeOnOwnServers('a keeper of an ensemble', () => {
  const { untilServing, connect } = onEnsemble({});

  it('stands in one line only, though the leader is killed while everybody joins, again and again', async () => {
    const writers = await Promise.all(
      [1, 2, 3].map(() => connect({ namespace: 'line', retry: retryForever({ delayMs: 20 }) })),
    );
    let isOver = false;
    const join = async (keeper: Keeper): Promise<string[]> => {
      const joined: string[] = [];
      const create = keeper.create().creatingParents().withProtection().withMode('EPHEMERAL_SEQUENTIAL');
      while (!isOver) joined.push(await create.forPath('/dir/x-'));
      return joined;
    };
    const joining = Promise.all(writers.map(join));
    for (let round = 0; round < 2; round++) {
      const leader = await untilServing();
      await leader.kill();
      await untilServing();
      await leader.start();
    }
    await untilServing();
    isOver = true;
    const joined = (await joining).flat();
    await writers[0]?.sync().forPath('/dir');
    const children = (await writers[0]?.getChildren().forPath('/dir')) ?? [];
    expect(children.map((name) => `/dir/${name}`).sort()).toEqual(joined.sort());
    expect(writers.map(({ sessionEpoch }) => sessionEpoch)).toEqual([1, 1, 1]);
  });
});

describeOnOwnServers('a keeper of an ensemble without a quorum', () => {
  const { members, connect } = onEnsemble({
    // Without a quorum there can be no session but a local one.
    config: { localSessionsEnabled: true, localSessionsUpgradingEnabled: true },
    systemProperties: { 'readonlymode.enabled': true },
  });

  it('reads from a server without a quorum, if it may, and writes when the quorum has come back', async () => {
    const writer = await connect({ namespace: 'read-only' });
    await writer.create().forPath('/x', 'v');
    const [first, second, third] = members();
    await until(async () => ((await third?.status())?.zxid ?? -1n) >= writer.zookeeper.lastZxid || undefined, {
      what: 'the last member to be up to date',
    });
    await Promise.all([first?.kill(), second?.kill()]);
    await until(async () => (await third?.mode()) === 'read-only' || undefined, { what: 'the read-only mode' });

    const keeper = await connect({
      namespace: 'read-only',
      canBeReadOnly: true,
      retry: retryNTimes({ retries: 2, delayMs: 50 }),
    });
    const states: ConnectionState[] = [keeper.connectionState];
    keeper.on('state', (state) => states.push(state));
    expect((await keeper.getData().forPath('/x'))?.toString()).toBe('v');
    expect(keeper.validForMs()).toBe(0);
    await expect(keeper.setData().forPath('/x', 'no')).rejects.toBeInstanceOf(NotReadOnlyError);
    const connected = untilState(keeper, 'CONNECTED');
    await Promise.all([first?.start(), second?.start()]);
    await connected;
    await keeper.setData().forPath('/x', 'yes');
    expect(keeper.validForMs()).toBeGreaterThan(0);
    // No quorum knows of the read-only session: nothing could keep it, and nothing hung on it.
    expect(states).toEqual(['READ_ONLY', 'SUSPENDED', 'LOST', 'CONNECTED']);
  });
});
