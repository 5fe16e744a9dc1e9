import { DoubleBarrier } from '@zk-recipes/barriers';
import { Keeper, retryNTimes } from '@zk-recipes/core';
import { TestServer, VirtualClock } from '@zk-recipes/test-server';
import { until } from '@zk-recipes/test-support';
import { expect, it } from 'vitest';
import { isSettled } from '../stage/lines.js';
import { untilState } from '../stage/stage.js';

it('who comes again in a new session is not counted twice while the server keeps the old one', async () => {
  const server = await TestServer.start({ clock: new VirtualClock() });
  const connect = (sessionTimeoutMs: number) =>
    Keeper.connect({
      ...{ connectString: server.connectString, sessionTimeoutMs },
      ...{ retry: retryNTimes({ retries: 20, delayMs: 1 }), reconnect: { minDelayMs: 1, maxDelayMs: 5 } },
    });
  const [keeper, other] = [await connect(600), await connect(10_000)];
  const path = '/barrier';
  const [own, others] = [keeper, other].map((one) => new DoubleBarrier(one, path, { members: 2 })) as [
    DoubleBarrier,
    DoubleBarrier,
  ];
  const members = () => server.dump(path).filter((znode) => znode.path !== path);
  try {
    const entering = own.enter();
    await until(() => server.sessions.find(({ watches }) => watches.includes(`${path}/ready`)), { what: 'the watch' });
    const [ghost] = members();
    const back = untilState(keeper, 'RECONNECTED');
    server.faults.partition(keeper.sessionId);
    await back;
    await until(() => server.sessions.find(({ id, watches }) => id === keeper.sessionId && watches.length > 0), {
      what: 'the watch of the new session',
    });
    // The old session lives on: the server's clock stands.
    expect(server.sessions).toHaveLength(3);
    expect(members().map(({ stat }) => stat.ephemeralOwner)).toEqual([keeper.sessionId]);
    expect(members()[0]?.path).not.toBe(ghost?.path);
    expect(await isSettled(entering)).toBe(false);
    await Promise.all([entering, others.enter()]);
    await Promise.all([own.leave(), others.leave()]);
    expect(members()).toEqual([]);
  } finally {
    await Promise.all([keeper.close(), other.close()]);
    await server.stop();
  }
});
