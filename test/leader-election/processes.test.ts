import { until } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { kinds } from '../stage/contestants.js';
import { compileForPeers, expectNoOverlap, HoldingPeer, untilOneHolds } from '../stage/holding-peers.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';

const tickTimeMs = 250;
const sessionTimeoutMs = 1_000;

describeOnOwnServers.each(kinds)('%s in processes of their own', { timeout: 90_000 }, (kind) => {
  const server = ownServer({ tickTimeMs });
  const on = stage(() => server().connectString);
  const peers: HoldingPeer[] = [];
  beforeAll(compileForPeers);
  afterEach(async () => {
    await Promise.all(peers.splice(0).map((peer) => peer.kill()));
  });

  async function enter(path: string): Promise<HoldingPeer> {
    const [connectString, id] = [on.server, `peer-${peers.length}`];
    const script = 'election-process.mjs';
    const peer = await HoldingPeer.start({ script, connectString, path, id, sessionTimeoutMs, kind });
    peers.push(peer);
    return peer;
  }

  it('row 5: paused for twice the session timeout, it knows at the first look that it leads no more', async () => {
    const path = freshLine();
    await Promise.all([enter(path), enter(path)]);
    for (let round = 0; round < times(2, 10); round++) {
      const leader = await untilOneHolds(peers);
      const token = leader.holds.at(-1)?.token as bigint;
      leader.process.pause();
      const pausedAtMs = Date.now();
      const next = await untilOneHolds(peers, leader);
      expect(next.holds.at(-1)?.token).toBeGreaterThan(token);
      await until(() => (Date.now() - pausedAtMs >= 2 * sessionTimeoutMs ? true : undefined), { what: 'the pause' });
      leader.process.resume();
      const woken = await leader.process.receive({ event: 'woken', token: `${token}` });
      expect(woken).toMatchObject({ validForMs: 0, aborted: true, state: 'lost', guard: 'ZK_NOT_HELD' });
      expect(woken['pausedMs']).toBeGreaterThan(sessionTimeoutMs);
      await leader.process.receive({ event: 'lost', token: `${token}` });
    }
    expectNoOverlap(peers);
  });

  it('row 6: killed again and again: the next one leads within the session timeout + 1 s, as a rule within the session timeout + 2 ticks', async () => {
    const path = freshLine();
    const kills = times(5, 10);
    await Promise.all(Array.from({ length: kills + 1 }, () => enter(path)));
    const failOverMs: number[] = [];
    for (let round = 0; round < kills; round++) {
      const leader = await untilOneHolds(peers);
      const killedAtMs = await leader.kill();
      const next = await untilOneHolds(peers, leader);
      failOverMs.push((next.holds.at(-1)?.fromMs as number) - killedAtMs);
    }
    failOverMs.sort((a, b) => a - b);
    console.log(`${kind}: fail-over after kill -9 in ms: ${failOverMs.join(' ')}`);
    // The server ends sessions tick by tick. On a busy machine the server or the next process may not run for a while in a single round.
    const median = failOverMs[failOverMs.length >> 1];
    expect(median).toBeLessThanOrEqual(sessionTimeoutMs + 2 * tickTimeMs);
    expect(failOverMs.at(-1)).toBeLessThanOrEqual(sessionTimeoutMs + 1_000);
    expectNoOverlap(peers);
  });
});
