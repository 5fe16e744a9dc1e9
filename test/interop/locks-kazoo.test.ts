import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Mutex } from '@zk-recipes/locks';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { beforeEach, describe, expect, it } from 'vitest';
import { isSettled, untilEmpty, untilNames } from '../stage/lines.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';
import { contend, sessionTimeoutMs } from './curator-stage.js';
import { InsideJournal, oneInside } from './inside-journal.js';
import { LockPeer } from './lock-peer.js';

/** Debian's packages are for the system's Python, whatever else is on the search path. */
const python = '/usr/bin/python3';
const hasKazoo = await promisify(execFile)(python, ['-c', 'import kazoo']).then(
  () => true,
  () => false,
);
if (!hasKazoo) console.log(`kazoo: skipped, for ${python} has it not`);

describe.skipIf(!hasKazoo)('Mutex with kazoo’s Lock', () => {
  describeOnOwnServers('in one line', { timeout: 60_000 }, () => {
    const server = ownServer({ tickTimeMs: 250 });
    const on = stage(() => server().connectString);
    let peer: LockPeer;
    beforeEach(async () => {
      peer = await LockPeer.kazoo(python, on.server, sessionTimeoutMs);
      on.afterwards(() => peer.kill());
    });

    it('with the names of Curator’s it waits for ours, and ours for it; all see the same line', async () => {
      const keeper = await on.keeper({ sessionTimeoutMs });
      const path = freshLine();
      const mutex = new Mutex(keeper, path, { data: 'ours' });
      const kazoo = peer.contender({ kind: 'mutex', path }, 'kazoo’s');
      const hold = await mutex.acquire();
      const itsTurn = kazoo.acquire();
      await untilNames(keeper, path, 2);
      const next = mutex.acquire();
      await untilNames(keeper, path, 3);
      expect(await kazoo.participants()).toEqual(['ours', 'kazoo’s', 'ours']);
      expect((await mutex.contenders()).map(({ id }) => id)).toEqual(['ours', 'kazoo’s', 'ours']);
      await hold.release();
      expect(await itsTurn).toBe(true);
      expect(await isSettled(next)).toBe(false);
      expect(await mutex.tryAcquire()).toBeNull();
      await kazoo.release();
      await (await next).release();
      await untilEmpty(keeper, path);
    });

    it('is killed holding it: ours goes on', async () => {
      const keeper = await on.keeper({ sessionTimeoutMs });
      const path = freshLine();
      await peer.contender({ kind: 'mutex', path }).acquire();
      const waiting = new Mutex(keeper, path).acquire();
      await untilNames(keeper, path, 2);
      await peer.kill();
      await (await waiting).release();
    });

    it('two of its and two of ours contend for a while: never two are inside', async () => {
      const path = freshLine();
      const journal = await InsideJournal.open(await on.keeper(), `${path}-inside`, oneInside);
      const forMs = times(3_000, 60_000);
      const ours = [0, 1].map(async (index) => {
        const keeper = await on.keeper({ sessionTimeoutMs });
        const mark = journal.markOf('mutex', `node ${index}`);
        await contend(new Mutex(keeper, path), { keeper, journal, mark, forMs });
      });
      const others = [0, 1].map((index) =>
        peer.contender({ kind: 'mutex', path }).contend(journal.markOf('mutex', `kazoo ${index}`), forMs),
      );
      await Promise.all([...ours, ...others]);
      console.log(`Mutex and kazoo: ${await journal.expectSafe({ everybody: 4 })}`);
      await untilEmpty(await on.keeper(), path);
    });

    it('with its own names and extra_lock_patterns it waits for ours, but neither ours nor Curator’s for it', async () => {
      const keeper = await on.keeper({ sessionTimeoutMs });
      const path = freshLine();
      const mutex = new Mutex(keeper, path);
      const kazoo = peer.contender({ kind: 'kazoo', path });
      const hold = await mutex.acquire();
      const itsTurn = kazoo.acquire();
      await untilNames(keeper, path, 2);
      expect(await isSettled(itsTurn)).toBe(false);
      await hold.release();
      expect(await itsTurn).toBe(true);
      // By Curator's rule a name without `lock-` sorts by all of it, and kazoo's begins with a random number: no order at all.
      const beside = await mutex.tryAcquire();
      expect(beside?.state).toBe('held');
      await beside?.release();
    });
  });
});
