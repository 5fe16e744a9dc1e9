import { startEnsemble, until, type ZooKeeperEnsemble } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { compileForPeers, expectNoOverlap, HoldingPeer, untilOneHolds } from '../stage/holding-peers.js';
import { namesIn } from '../stage/lines.js';
import { type LockContestantKind, lockKinds, rivalOf } from '../stage/lock-contestants.js';
import { freshLine, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';

const tickTimeMs = 250;
const sessionTimeoutMs = 1_000;

describeOnOwnServers('locks of processes on an ensemble', { timeout: 60_000 }, () => {
  let ensemble: ZooKeeperEnsemble;
  const peers: HoldingPeer[] = [];
  beforeAll(async () => {
    compileForPeers();
    ensemble = await startEnsemble({ tickTimeMs });
  }, 60_000);
  afterAll(async () => await ensemble?.[Symbol.asyncDispose]());
  afterEach(async () => {
    await Promise.all(peers.splice(0).map((peer) => peer.kill()));
  });
  const on = stage(() => ensemble.connectString);

  /** Processes that want the same lock, each in one way; the first of them has it. */
  async function enter(path: string, kinds: readonly LockContestantKind[]): Promise<HoldingPeer[]> {
    const { connectString } = ensemble;
    const entered: HoldingPeer[] = [];
    for (const kind of kinds) {
      const how = { script: 'lock-process.mjs', connectString, path, id: kind, sessionTimeoutMs, kind } as const;
      entered.push(await HoldingPeer.start(how));
      if (entered.length === 1) await untilOneHolds(entered);
    }
    peers.push(...entered);
    return entered;
  }

  async function pauseHolder(kind: LockContestantKind): Promise<void> {
    const path = freshLine();
    const entered = await enter(path, [kind, rivalOf(kind)]);
    for (let round = 0; round < times(1, 5); round++) {
      const holder = await untilOneHolds(entered);
      const token = holder.holds.at(-1)?.token as bigint;
      holder.process.pause();
      const pausedAtMs = Date.now();
      const next = await untilOneHolds(entered, holder);
      expect(next.holds.at(-1)?.token).toBeGreaterThan(token);
      await until(() => (Date.now() - pausedAtMs >= 2 * sessionTimeoutMs ? true : undefined), { what: 'the pause' });
      holder.process.resume();
      const woken = await holder.process.receive({ event: 'woken', token: `${token}` });
      expect(woken).toMatchObject({ validForMs: 0, aborted: true, state: 'lost', guard: 'ZK_NOT_HELD' });
      expect(await holder.process.receive({ event: 'committed' })).toMatchObject({
        token: `${token}`,
        outcome: 'refused',
      });
      await holder.process.receive({ event: 'lost', token: `${token}` });
    }
    expectNoOverlap(entered);
    const late = `${path.slice(1)}-late-`;
    expect((await namesIn(await on.keeper(), '/')).filter((name) => name.startsWith(late))).toEqual([]);
  }

  it('row 5: paused for twice the session timeout, holders know at the first look, and nothing that they guarded is done', async () => {
    await Promise.all(lockKinds.map(pauseHolder));
  });

  /** @returns how long it took until the next one had the lock, in milliseconds */
  async function killHolders(kind: LockContestantKind): Promise<number[]> {
    const kills = times(2, 10);
    const rival = rivalOf(kind);
    // Readers hold it together: of two that follow one another one writes.
    const kinds = Array.from({ length: kills + 1 }, (_, index) => (index % 2 === 0 ? kind : rival));
    const entered = await enter(freshLine(), kinds);
    const tookMs: number[] = [];
    for (let kill = 0; kill < kills; kill++) {
      const holder = await untilOneHolds(entered);
      const killedAtMs = await holder.kill();
      const next = await untilOneHolds(entered, holder);
      tookMs.push((next.holds.at(-1)?.fromMs as number) - killedAtMs);
    }
    expectNoOverlap(entered);
    return tookMs;
  }

  it('row 6: holders are killed: the next ones have the locks within the session timeout and two ticks', async () => {
    const tookMs = (await Promise.all(lockKinds.map(killHolders))).flat().toSorted((a, b) => a - b);
    console.log(`locks: fail-over after kill -9 in ms: ${tookMs.join(' ')}`);
    // A follower tells the leader of a ping up to half a tick later, and the leader ends sessions tick by tick.
    const median = tookMs[tookMs.length >> 1];
    expect(median).toBeLessThanOrEqual(sessionTimeoutMs + 2 * tickTimeMs);
    expect(tookMs.at(-1)).toBeLessThanOrEqual(sessionTimeoutMs + 1_000);
  });
});
