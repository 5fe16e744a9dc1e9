import { nameOf } from '@zk-recipes/core/recipe-kit';
import { type LockHold, ReadWriteLock } from '@zk-recipes/locks';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { whyNoJavaPeers } from '@zk-recipes/test-support/vitest/java-peers';
import { describe, expect, it } from 'vitest';
import { isSettled, untilEmpty, untilNames } from '../stage/lines.js';
import { freshLine } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';
import { contend, curatorStage, sessionTimeoutMs } from './curator-stage.js';
import { InsideJournal, oneWriterOrReaders } from './inside-journal.js';
import type { ForeignContender, LockPeer } from './lock-peer.js';

type Side = 'read' | 'write';

describe.skipIf(whyNoJavaPeers !== null)('ReadWriteLock with Curator’s InterProcessReadWriteLock', () => {
  describeOnOwnServers('in one line', { timeout: 90_000 }, () => {
    const curator = curatorStage();
    const { on } = curator;

    it('readers share it, writers do not, first come, first served; all see the same line', async () => {
      const keeper = await on.keeper({ sessionTimeoutMs });
      const path = freshLine();
      const lock = new ReadWriteLock(keeper, path);
      const line = ['java read', 'node read', 'java write', 'node read', 'node write', 'java read'] as const;
      const inside = new Map<number, () => Promise<void>>();
      for (const [place, one] of line.entries()) {
        const [who, side] = one.split(' ') as ['java' | 'node', Side];
        const contender = theirs(path, side);
        const granted =
          who === 'node'
            ? lock[side].acquire().then((hold) => () => hold.release())
            : contender.acquire().then(() => () => contender.release());
        void granted.then((leave) => inside.set(place, leave));
        await untilNames(keeper, path, place + 1);
      }
      const seen = await lock.contenders();
      expect(seen.map(({ state }) => state)).toEqual([
        ...['holding', 'holding', 'waiting', 'waiting', 'waiting', 'waiting'],
      ]);
      const marks = line.map((one) => (one.endsWith('read') ? '__READ__' : '__WRIT__'));
      expect(seen.map(({ path: own }) => nameOf(own).slice(40, 48))).toEqual(marks);
      for (const side of ['read', 'write'] as const) {
        const ours = await lock[side].contenders();
        expect(ours.map(({ path: own }) => own)).toEqual(await theirs(path, side).participants());
      }
      await untilInside(0, 1);
      await leave(1, 0);
      await leave(0, 2);
      await leave(2, 3);
      await leave(3, 4);
      await leave(4, 5);
      await leave(5);
      await untilEmpty(keeper, path);

      async function leave(place: number, ...then: number[]): Promise<void> {
        await inside.get(place)?.();
        inside.delete(place);
        await untilInside(...then);
      }
      async function untilInside(...places: number[]): Promise<void> {
        await expect.poll(() => [...inside.keys()].sort()).toEqual(places);
      }
    });

    it('ours turns from a writer into a reader: none of theirs writes in between, and their next readers may read', async () => {
      const keeper = await on.keeper({ sessionTimeoutMs });
      const path = freshLine();
      const hold = await new ReadWriteLock(keeper, path).write.acquire();
      const [reader, writer, last] = [theirs(path, 'read'), theirs(path, 'write'), theirs(path, 'read')];
      const reads = reader.acquire();
      await untilNames(keeper, path, 2);
      const writes = writer.acquire();
      await untilNames(keeper, path, 3);
      const readsLast = last.acquire();
      await untilNames(keeper, path, 4);
      const read = await hold.downgrade();
      await reads;
      expect(nameOf(read.path).slice(40)).toBe(`__READ__${hold.path.slice(-10)}`);
      await expectWaiting(writes, readsLast);
      await reader.release();
      await expectWaiting(writes, readsLast);
      await read.release();
      await writes;
      await expectWaiting(readsLast);
      await writer.release();
      await readsLast;
      await last.release();
    });

    it('a writer of theirs directly behind waits for ours to have read', async () => {
      const keeper = await on.keeper({ sessionTimeoutMs });
      const path = freshLine();
      const hold = await new ReadWriteLock(keeper, path).write.acquire();
      const writer = theirs(path, 'write');
      const writes = writer.acquire();
      await untilNames(keeper, path, 2);
      const read = await hold.downgrade();
      expect(await theirs(path, 'write').acquire(300)).toBe(false);
      await expectWaiting(writes);
      await read.release();
      await writes;
      await writer.release();
    });

    it('theirs turns into a reader, by a second znode as before Curator 5.5: ours that came later wait for it', async () => {
      const keeper = await on.keeper({ sessionTimeoutMs });
      const path = freshLine();
      const lock = new ReadWriteLock(keeper, path);
      const writer = theirs(path, 'write', 'their thread');
      const reader = theirs(path, 'read', 'their thread');
      await writer.acquire();
      await reader.acquire();
      const names = (await lock.contenders()).map((one) => nameOf(one.path).slice(40));
      expect(names).toEqual(['__WRIT__0000000000', '__READ__0000000001']);
      const writes = lock.write.acquire();
      await untilNames(keeper, path, 3);
      await writer.release();
      await untilNames(keeper, path, 2);
      await expectWaiting(writes);
      await reader.release();
      await (await writes).release();
    });

    it('a writer of theirs is killed: our readers go on, all of them', async () => {
      const keeper = await on.keeper({ sessionTimeoutMs });
      const path = freshLine();
      const { read } = new ReadWriteLock(keeper, path);
      const killed = await curator.another();
      await killed.contender({ kind: 'write', path }).acquire();
      const reading = [read.acquire(), read.acquire()];
      await untilNames(keeper, path, 3);
      await killed.kill();
      const holds = await Promise.all(reading);
      await Promise.all(holds.map((hold: LockHold) => hold.release()));
    });

    it('two of theirs and four of ours contend for a while: never anybody is inside beside a writer', async () => {
      const path = freshLine();
      const journal = await InsideJournal.open(await on.keeper(), `${path}-inside`, oneWriterOrReaders);
      const forMs = times(5_000, 60_000);
      const ours = (['read', 'read', 'write', 'write'] as const).map(async (side, index) => {
        const keeper = await on.keeper({ sessionTimeoutMs });
        const mark = journal.markOf(side, `node ${side} ${index}`);
        await contend<LockHold>(new ReadWriteLock(keeper, path)[side], { keeper, journal, mark, forMs });
      });
      const others = (['read', 'write'] as const).map((side, index) => {
        const contender = (curator.java[index] as LockPeer).contender({ kind: side, path });
        return contender.contend(journal.markOf(side, `java ${side}`), forMs);
      });
      await Promise.all([...ours, ...others]);
      console.log(`ReadWriteLock: ${await journal.expectSafe({ everybody: 6 })}`);
      expect(journal.mostInside).toBeGreaterThan(1);
      await untilEmpty(await on.keeper(), path);
    });

    function theirs(path: string, kind: Side, thread?: string): ForeignContender {
      return curator.java[0].contender({ kind, path }, thread);
    }
  });
});

async function expectWaiting(...acquisitions: Promise<unknown>[]): Promise<void> {
  for (const acquisition of acquisitions) expect(await isSettled(acquisition)).toBe(false);
}
