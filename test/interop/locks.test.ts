import { hostname } from 'node:os';
import { HoldLostError } from '@zk-recipes/core';
import { type LockHold, Mutex } from '@zk-recipes/locks';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { whyNoJavaPeers } from '@zk-recipes/test-support/vitest/java-peers';
import { describe, expect, it } from 'vitest';
import { untilAborted } from '../stage/holds.js';
import { isSettled, untilEmpty, untilNames } from '../stage/lines.js';
import { expire, freshLine } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';
import { contend, curatorStage, sessionTimeoutMs } from './curator-stage.js';
import { InsideJournal, oneInside } from './inside-journal.js';
import type { ForeignContender, LockPeer } from './lock-peer.js';

const CURATORS_NAME = /^_c_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-lock-\d{10}$/;

describe.skipIf(whyNoJavaPeers !== null)('Mutex with Curator’s InterProcessMutex', () => {
  describeOnOwnServers('in one line', { timeout: 90_000 }, () => {
    const curator = curatorStage();
    const { on } = curator;

    it('first come, first served, whoever it is; all see the same line', async () => {
      const keeper = await on.keeper({ sessionTimeoutMs });
      const path = freshLine();
      const mutex = new Mutex(keeper, path);
      const granted: number[] = [];
      const leave: (() => Promise<void>)[] = [];
      for (let place = 0; place < 6; place++) {
        if (place % 2 === 0) {
          void mutex.acquire().then((hold) => {
            granted.push(place);
            leave[place] = () => hold.release();
          });
        } else {
          const contender = theirs(path, place % 4 === 1 ? 0 : 1);
          void contender.acquire().then(() => {
            granted.push(place);
            leave[place] = () => contender.release();
          });
        }
        await untilNames(keeper, path, place + 1);
      }
      const seen = await mutex.contenders();
      expect(seen.map(({ path: own }) => own)).toEqual(await theirs(path).participants());
      expect(seen.map(({ state }) => state)).toEqual(['holding', ...Array.from({ length: 5 }, () => 'waiting')]);
      expect(seen.map(({ sessionId }) => sessionId)).toEqual(
        [0, 1, 2, 3, 4, 5].map((place) =>
          place % 2 === 0 ? keeper.zookeeper.sessionId : (curator.java[place % 4 === 1 ? 0 : 1].sessionId as bigint),
        ),
      );
      for (const { path: own } of seen) expect(own.slice(path.length + 1)).toMatch(CURATORS_NAME);
      // Curator's default is the address of the machine.
      const address = expect.stringMatching(/^[\da-f.:]+$/);
      const own = `${hostname()}:${process.pid}`;
      expect(seen.map(({ id }) => id)).toEqual([own, address, own, address, own, address]);
      for (let place = 0; place < 6; place++) {
        await untilNames(keeper, path, 6 - place);
        await expect.poll(() => granted.length).toBe(place + 1);
        await leave[place]?.();
      }
      expect(granted).toEqual([0, 1, 2, 3, 4, 5]);
      await untilEmpty(keeper, path);
    });

    it('neither gets past the other by trying', async () => {
      const keeper = await on.keeper({ sessionTimeoutMs });
      const path = freshLine();
      const mutex = new Mutex(keeper, path);
      const contender = theirs(path);
      const hold = await mutex.acquire();
      expect(await contender.acquire(0)).toBe(false);
      expect(await contender.acquire(300)).toBe(false);
      await hold.release();
      expect(await contender.acquire(0)).toBe(true);
      expect(await mutex.tryAcquire()).toBeNull();
      expect(await mutex.tryAcquire({ timeoutMs: 300 })).toBeNull();
      expect(await untilNames(keeper, path, 1)).toHaveLength(1);
      await contender.release();
      const again = await mutex.tryAcquire();
      expect(again?.state).toBe('held');
      await again?.release();
    });

    it('whoever dies holding it, the next one has it', async () => {
      const keeper = await on.keeper({ sessionTimeoutMs });
      const path = freshLine();
      const mutex = new Mutex(keeper, path);
      const killed = await curator.another();
      await killed.contender({ kind: 'mutex', path }).acquire();
      const waiting = mutex.acquire();
      await untilNames(keeper, path, 2);
      await killed.kill();
      const hold = await waiting;
      const contender = theirs(path);
      const theirTurn = contender.acquire();
      await untilNames(keeper, path, 2);
      await expire(keeper, on.server);
      await theirTurn;
      expect(await untilAborted(hold.signal)).toBeInstanceOf(HoldLostError);
      await contender.release();
    });

    it('whoever dies waiting, those behind wait for the holder', async () => {
      const [keeper, expired] = [await on.keeper({ sessionTimeoutMs }), await on.keeper({ sessionTimeoutMs })];
      const path = freshLine();
      const hold = await new Mutex(keeper, path).acquire();
      const killed = await curator.another();
      killed
        .contender({ kind: 'mutex', path })
        .acquire()
        .catch(() => {});
      await untilNames(keeper, path, 2);
      const ours = new Mutex(expired, path).acquire();
      await untilNames(keeper, path, 3);
      const contender = theirs(path);
      const theirTurn = contender.acquire();
      await untilNames(keeper, path, 4);
      await killed.kill();
      await untilNames(keeper, path, 3);
      expect(await isSettled(ours)).toBe(false);
      // Ours begins again behind theirs, which stands behind the holder now.
      const [, place] = (await new Mutex(keeper, path).contenders()) as [unknown, { path: string }];
      await expire(expired, on.server);
      await expect
        .poll(async () => (await new Mutex(keeper, path).contenders()).map((one) => one.path))
        .not.toContain(place.path);
      await untilNames(keeper, path, 3);
      expect(await isSettled(theirTurn)).toBe(false);
      await hold.release();
      await theirTurn;
      expect(await isSettled(ours)).toBe(false);
      await contender.release();
      await (await ours).release();
      await untilEmpty(keeper, path);
    });

    it('ours gives it back when Curator’s Revoker asks', async () => {
      const keeper = await on.keeper({ sessionTimeoutMs });
      const path = freshLine();
      const mutex = new Mutex(keeper, path);
      const deaf = await mutex.acquire();
      const contender = theirs(path);
      await curator.java[0].revoke(deaf.path);
      expect(String(await keeper.getData().forPath(deaf.path))).toBe('__REVOKE__');
      expect(deaf.revoked.aborted).toBe(false);
      await deaf.release();
      const hold = await mutex.acquire({ revocable: true });
      const theirTurn = contender.acquire();
      await untilNames(keeper, path, 2);
      const revoked = untilRevoked(hold);
      await curator.java[0].revoke(hold.path);
      expect(await revoked).toBe('ZK_REVOCATION_REQUESTED');
      expect(hold.state).toBe('held');
      expect(await isSettled(theirTurn)).toBe(false);
      await hold.release();
      await theirTurn;
      await contender.release();
    });

    it('Curator’s gives it back when ours asks', async () => {
      const keeper = await on.keeper({ sessionTimeoutMs });
      const path = freshLine();
      const mutex = new Mutex(keeper, path);
      const contender = curator.java[0].contender({ kind: 'mutex', path, revocable: true });
      await contender.acquire();
      // No data is how Curator marks one that can be asked.
      expect((await mutex.contenders()).map(({ id, state }) => ({ id, state }))).toEqual([
        { id: null, state: 'holding' },
      ]);
      const revoking = mutex.revoke();
      await curator.java[0].revoked(path);
      expect(await isSettled(revoking)).toBe(false);
      await contender.release();
      await revoking;
      const deaf = theirs(path);
      await deaf.acquire();
      await mutex.revoke({ forceAfterMs: 200 });
      await untilEmpty(keeper, path);
    });

    it('two of theirs and four of ours contend for a while: never two are inside', async () => {
      const path = freshLine();
      const journal = await InsideJournal.open(await on.keeper(), `${path}-inside`, oneInside);
      const forMs = times(10_000, 60_000);
      const tokens: bigint[] = [];
      const markOf = (who: string): string => journal.markOf('mutex', who);
      const ours = [0, 1, 2, 3].map(async (index) => {
        const keeper = await on.keeper({ sessionTimeoutMs });
        await contend(new Mutex(keeper, path), { keeper, journal, mark: markOf(`node ${index}`), forMs }, tokens);
      });
      const others = [0, 1].map((index) => theirs(path, index).contend(markOf(`java ${index}`), forMs));
      await Promise.all([...ours, ...others]);
      console.log(`Mutex: ${await journal.expectSafe({ everybody: 6 })}`);
      expect(tokens).toEqual(tokens.toSorted((one, other) => (one < other ? -1 : 1)));
      await untilEmpty(await on.keeper(), path);
    });

    function theirs(path: string, index = 0): ForeignContender {
      return (curator.java[index] as LockPeer).contender({ kind: 'mutex', path });
    }
  });
});

/** Resolves with the code of the error when somebody asks for it. */
function untilRevoked({ revoked }: LockHold): Promise<string> {
  return new Promise((resolve) => {
    revoked.addEventListener('abort', () => resolve(revoked.reason.code), { once: true });
  });
}
