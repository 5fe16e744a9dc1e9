import { until } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { kinds } from '../stage/contestants.js';
import { compileForPeers, ElectionPeer, expectNoOverlap } from '../stage/election-peers.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';

const tickTimeMs = 250;
const sessionTimeoutMs = 1_000;

describeOnOwnServers.each(kinds)('%s in processes of their own', { timeout: 90_000 }, (kind) => {
  const server = ownServer({ tickTimeMs });
  const on = stage(() => server().connectString);
  const peers: ElectionPeer[] = [];
  beforeAll(compileForPeers);
  afterEach(async () => {
    await Promise.all(peers.splice(0).map((peer) => peer.kill()));
  });

  async function enter(path: string): Promise<ElectionPeer> {
    const peer = await ElectionPeer.start(on.server, path, `peer-${peers.length}`, sessionTimeoutMs, kind);
    peers.push(peer);
    return peer;
  }

  it('row 5: paused for twice the session timeout, it knows at the first look that it leads no more', async () => {
    const path = freshLine();
    await Promise.all([enter(path), enter(path)]);
    for (let round = 0; round < times(2, 10); round++) {
      const leader = await untilOneLeads();
      const token = leader.tenures.at(-1)?.token as bigint;
      leader.process.pause();
      const pausedAtMs = Date.now();
      const next = await untilOneLeads(leader);
      expect(next.tenures.at(-1)?.token).toBeGreaterThan(token);
      await until(() => (Date.now() - pausedAtMs >= 2 * sessionTimeoutMs ? true : undefined), { what: 'the pause' });
      leader.process.resume();
      const woken = await leader.process.receive({ event: 'woken', token: `${token}` });
      expect(woken).toMatchObject({ validForMs: 0, aborted: true, state: 'lost', guard: 'ZK_NOT_HELD' });
      expect(woken['pausedMs']).toBeGreaterThan(sessionTimeoutMs);
      await leader.process.receive({ event: 'deposed', token: `${token}` });
    }
    expectNoOverlap(peers);
  });

  it('row 6: killed again and again, the next one leads within session timeout + tick + 250 ms', async () => {
    const path = freshLine();
    const kills = times(5, 10);
    await Promise.all(Array.from({ length: kills + 1 }, () => enter(path)));
    const failOverMs: number[] = [];
    for (let round = 0; round < kills; round++) {
      const leader = await untilOneLeads();
      const killedAtMs = await leader.kill();
      const next = await untilOneLeads(leader);
      failOverMs.push((next.tenures.at(-1)?.fromMs as number) - killedAtMs);
    }
    console.log(`${kind}: fail-over after kill -9 in ms: ${failOverMs.toSorted((a, b) => a - b).join(' ')}`);
    expect(Math.max(...failOverMs)).toBeLessThanOrEqual(sessionTimeoutMs + tickTimeMs + 250);
    expectNoOverlap(peers);
  });

  /** Resolves with the process whose newest tenure is the newest of all, and not over. */
  async function untilOneLeads(except?: ElectionPeer): Promise<ElectionPeer> {
    return await until(
      () => {
        const others = peers.filter((peer) => peer !== except);
        return others.find((peer) => (peer.tenures.at(-1)?.toMs ?? 0) > Date.now());
      },
      { what: 'a process to lead', everyMs: 5 },
    );
  }
});
