import type { Tenure } from '@zk-recipes/leader-election';
import { until } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { whyNoJavaPeers } from '@zk-recipes/test-support/vitest/java-peers';
import { afterEach, describe, expect, it } from 'vitest';
import { type Contestant, contestant, kinds } from '../stage/contestants.js';
import { ElectionRecord } from '../stage/election-record.js';
import { untilAborted } from '../stage/holds.js';
import { untilEmpty, untilNames } from '../stage/lines.js';
import { expire, freshLine, ownServer, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';
import { JavaCandidate, type LedInterval } from './java-candidate.js';

const sessionTimeoutMs = 2_000;

describe.skipIf(whyNoJavaPeers !== null)('with Curator', () => {
  describeOnOwnServers.each(kinds)('%s', { timeout: 90_000 }, (kind) => {
    const server = ownServer({ tickTimeMs: 250 });
    const on = stage(() => server().connectString);
    const candidates: JavaCandidate[] = [];
    afterEach(async () => {
      await Promise.all(candidates.splice(0).map((candidate) => candidate.kill()));
    });

    async function java(path: string, id: string): Promise<JavaCandidate> {
      const candidate = await JavaCandidate.start(kind, on.server, path, id, sessionTimeoutMs);
      candidates.push(candidate);
      return candidate;
    }

    it('they take over from each other, closed, killed or expired, and see each other', async () => {
      const keeper = await on.keeper({ sessionTimeoutMs });
      const path = freshLine();
      const ours = contestant(kind, keeper, path, 'öurs');
      const record = new ElectionRecord([ours]);
      // Theirs leads, ours waits; theirs is closed.
      const closing = await java(path, 'their größe');
      await closing.elected();
      await ours.start();
      await untilNames(keeper, path, 2);
      expect(await closing.participants()).toEqual({ ids: [closing.id, ours.id], leader: closing.id });
      expect((await ours.participants()).map(({ id, isLeader }) => ({ id, isLeader }))).toEqual([
        { id: closing.id, isLeader: true },
        { id: ours.id, isLeader: false },
      ]);
      expect((await ours.leader())?.sessionId).toBe(closing.sessionId);
      await closing.close();
      const first = await ours.elected();
      // Ours leads, theirs waits; our session ends.
      const killed = await java(path, 'killed');
      await untilNames(keeper, path, 2);
      expect(await killed.participants()).toEqual({ ids: [ours.id, killed.id], leader: ours.id });
      await expire(keeper, on.server);
      await killed.elected();
      await untilAborted(first.signal);
      // Theirs leads, ours has entered again; theirs is killed.
      await untilNames(keeper, path, 2);
      await killed.kill();
      const second = await ours.elected();
      expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
      // Ours leads, theirs waits; ours is closed.
      const last = await java(path, 'last');
      await untilNames(keeper, path, 2);
      await ours.close();
      await last.elected();
      await last.close();
      await untilEmpty(keeper, path);
      record.expectSafe({ atLeast: 2 });
    });

    it('two of theirs and four of ours contend for a while: never two lead', async () => {
      const path = freshLine();
      const theirs = await Promise.all([java(path, 'java 1'), java(path, 'java 2')]);
      const record = new ElectionRecord();
      const intervals: LedInterval[] = [];
      const ours: Contestant[] = [];
      for (let index = 0; index < 4; index++) {
        const next = contestant(kind, await on.keeper({ sessionTimeoutMs }), path, `node ${index}`);
        ours.push(next);
        record.follow(next);
        next.onElected(({ id, signal }) => {
          const fromMs = Date.now();
          void untilAborted(signal).then(() => intervals.push({ id, fromMs, toMs: Date.now() }));
        });
        await next.start();
      }
      const endMs = Date.now() + times(8_000, 60_000);
      while (Date.now() < endMs) {
        const leader = await untilOneLeads();
        if (leader instanceof JavaCandidate) leader.yieldLeadership();
        else await leader.release();
      }
      for (const contestant of ours) await contestant.close();
      await Promise.all(theirs.map((candidate) => candidate.close()));
      const led = [...intervals, ...theirs.flatMap((candidate) => candidate.intervals)];
      console.log(`${kind}: ${led.length} tenures, ${led.length - intervals.length} of them Curator's`);
      expect(overlaps(led)).toEqual([]);
      expect(new Set(led.map(({ id }) => id)).size).toBe(6);
      record.expectSafe({ atLeast: 8 });
      await untilEmpty(await on.keeper(), path);

      async function untilOneLeads(): Promise<JavaCandidate | Tenure> {
        return await until(() => theirs.find(({ isLeader }) => isLeader) ?? record.leaders[0], {
          what: 'somebody to lead',
          everyMs: 2,
        });
      }
    });
  });
});

/** Pairs that led at the same time; a millisecond is as fine as the clock of two languages is. */
function overlaps(intervals: readonly LedInterval[]): readonly (readonly [LedInterval, LedInterval])[] {
  const sorted = intervals.toSorted((a, b) => a.fromMs - b.fromMs);
  return sorted.slice(1).flatMap((next, index) => {
    const before = sorted[index] as LedInterval;
    return next.fromMs < before.toMs - 1 ? [[before, next] as const] : [];
  });
}
