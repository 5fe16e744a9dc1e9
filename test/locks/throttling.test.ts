import { Keeper, retryNTimes } from '@zk-recipes/core';
import { TestServer } from '@zk-recipes/test-server';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isSettled, untilEmpty } from '../stage/lines.js';
import { directoriesOf, lockContestant, lockKinds, lockRival } from '../stage/lock-contestants.js';

const PATH = '/locks/x';

describeOnOwnServers('locks on a server that refuses single requests since it is busy', () => {
  let server: TestServer;
  let busy: Keeper;
  let other: Keeper;

  beforeEach(async () => {
    server = await TestServer.start();
    const { connectString } = server;
    busy = await Keeper.connect({ connectString, retry: retryNTimes({ retries: 5, delayMs: 20 }) });
    other = await Keeper.connect({ connectString });
  });
  afterEach(async () => {
    await Promise.all([busy.close(), other.close()]);
    await server.stop();
  });

  describe.each(lockKinds)('%s', (kind) => {
    it.each(['create', 'getChildren', 'exists', 'getData', 'sync', 'multi', 'delete'] as const)(
      'is granted, waits for others and is released although a %s is refused',
      async (op) => {
        const lock = lockContestant(kind, busy, PATH);
        const refuse = () => server.faults.throttleOnce({ op, sessionId: busy.sessionId });
        void refuse();
        const first = await lock.acquire();
        void refuse();
        await first.release();
        const held = await lockRival(kind, other, PATH).acquire();
        void refuse();
        const waiting = lock.acquire();
        void refuse();
        expect(await isSettled(waiting)).toBe(false);
        await held.release();
        const second = await waiting;
        expect(second.fencingToken).toBeGreaterThan(held.fencingToken);
        void refuse();
        await second.release();
        server.faults.clear();
        for (const directory of directoriesOf(kind, PATH)) await untilEmpty(other, directory);
      },
    );
  });
});
