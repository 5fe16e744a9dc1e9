import type { Keeper } from '@zk-recipes/core';
import { SimpleQueue } from '@zk-recipes/queues';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { whyNoJavaPeers } from '@zk-recipes/test-support/vitest/java-peers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';
import { QueuePeer } from './queue-peer.js';

const sessionTimeoutMs = 2_000;
/** Longer than anybody waits here who is not forgotten. */
const LONG_MS = 20_000;

describe.skipIf(whyNoJavaPeers !== null)('SimpleQueue with Curator’s SimpleDistributedQueue', () => {
  describeOnOwnServers('at one path', { timeout: 60_000 }, () => {
    const server = ownServer({ tickTimeMs: 250 });
    const on = stage(() => server().connectString);
    let java: QueuePeer;
    beforeAll(async () => {
      if (whyNoJavaPeers === null) java = await QueuePeer.start(on.server, sessionTimeoutMs);
    });
    afterAll(async () => await java?.kill());

    const keeper = (): Promise<Keeper> => on.keeper({ sessionTimeoutMs });

    it('both put and take in one order, and their znodes are the same, byte by byte', async () => {
      const own = await keeper();
      const path = freshLine();
      const [ours, theirs] = [new SimpleQueue(own, path), await java.open({ kind: 'simple', path })];
      await theirs.offer('ä');
      await ours.offer(Buffer.from('ä'));
      const names = (await namesIn(own, path)).sort();
      expect(names).toEqual(['qn-0000000000', 'qn-0000000001']);
      const [one, other] = await Promise.all(names.map((name) => own.getData().withStat().forPath(`${path}/${name}`)));
      expect(other?.data).toEqual(one?.data);
      expect([one?.stat.ephemeralOwner, other?.stat.ephemeralOwner]).toEqual([0n, 0n]);
      await theirs.offer('');
      await ours.offer(Buffer.from('d'));
      await theirs.offer('e');
      expect([await theirs.peek(), String(await ours.peek())]).toEqual(['ä', 'ä']);
      const taken = [
        String(await ours.poll()),
        await theirs.poll(),
        String(await ours.take()),
        await theirs.poll(),
        String(await ours.poll()),
      ];
      expect(taken).toEqual(['ä', 'ä', '', 'd', 'e']);
      expect([await ours.poll(), await theirs.poll(), await theirs.peek()]).toEqual([null, null, null]);
      await untilEmpty(own, `${path}-side/markers`);
    });

    it('who waits on one side is given what comes from the other', async () => {
      const own = await keeper();
      const path = freshLine();
      const [ours, theirs] = [new SimpleQueue(own, path), await java.open({ kind: 'simple', path })];
      const taking = ours.take();
      await untilNames(own, `${path}-side/takers`, 1);
      await theirs.offer('for ours');
      expect(String(await taking)).toBe('for ours');
      const polling = theirs.poll(LONG_MS);
      await ours.offer(Buffer.from('for theirs'));
      expect(await polling).toBe('for theirs');
      expect(await ours.size()).toBe(0);
    });

    it('many who take from one queue: each value is taken once, by both sides', async () => {
      const own = await keeper();
      const path = freshLine();
      const count = times(300, 3_000);
      const theirs = await java.open({ kind: 'simple', path });
      const queues = [new SimpleQueue(own, path), new SimpleQueue(await keeper(), path)];
      const values = Array.from({ length: count }, (_, index) => `value ${index}`);
      await Promise.all(values.map((value) => queues[0]?.offer(Buffer.from(value))));
      const takenHere: string[] = [];
      const takenThere: string[] = [];
      const takeHere = async (queue: SimpleQueue): Promise<void> => {
        for (let data = await queue.poll(); data !== null; data = await queue.poll()) takenHere.push(String(data));
      };
      const takeThere = async (): Promise<void> => {
        for (let value = await theirs.poll(); value !== null; value = await theirs.poll()) takenThere.push(value);
      };
      await Promise.all([...queues.map(takeHere), takeThere()]);
      expect([...takenHere, ...takenThere].sort()).toEqual([...values].sort());
      expect(Math.min(takenHere.length, takenThere.length)).toBeGreaterThan(0);
      await untilEmpty(own, path);
      expect(on.errors).toEqual([]);
    });

    it('one of Curator’s that is killed while it waits: what comes then is taken here', async () => {
      const own = await keeper();
      const path = freshLine();
      const queue = new SimpleQueue(own, path);
      const killed = await QueuePeer.start(on.server, sessionTimeoutMs);
      on.afterwards(() => killed.kill());
      const waiting = await killed.open({ kind: 'simple', path });
      await queue.offer(Buffer.from('a'));
      expect(await waiting.poll(LONG_MS)).toBe('a');
      const polling = waiting.poll(LONG_MS).catch((error: unknown) => error);
      await killed.kill();
      expect(await polling).toBeInstanceOf(Error);
      await queue.offer(Buffer.from('b'));
      expect(String(await queue.take())).toBe('b');
    });
  });
});
