import type { Keeper } from '@zk-recipes/core';
import { startEnsemble, type TcpProxy, until, type ZooKeeperEnsemble } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Contestant, contestant, kinds } from '../stage/contestants.js';
import { ElectionRecord } from '../stage/election-record.js';
import { untilEmpty } from '../stage/lines.js';
import { freshLine, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';

const sessionTimeoutMs = 2_000;
/** From the moment when there is a quorum, or a network, again. */
const progressMs = sessionTimeoutMs + 1_000;

describeOnOwnServers('elections on an ensemble', { timeout: 120_000 }, () => {
  let ensemble: ZooKeeperEnsemble;
  beforeAll(async () => {
    ensemble = await startEnsemble({ tickTimeMs: 250 });
  }, 60_000);
  afterAll(async () => await ensemble?.[Symbol.asyncDispose]());
  const on = stage(() => ensemble.connectString);

  /** A latch and a selector over each keeper: two elections with as many candidates as there are keepers. */
  async function elections(
    keepers: readonly Keeper[],
  ): Promise<{ records: ElectionRecord[]; end: () => Promise<void> }> {
    const all: Contestant[] = [];
    const paths: string[] = [];
    const records: ElectionRecord[] = [];
    for (const kind of kinds) {
      const path = freshLine();
      const contestants = keepers.map((keeper, index) => contestant(kind, keeper, path, `${kind} ${index}`));
      records.push(new ElectionRecord(contestants));
      // The first shall lead: a selector enters in the background.
      await contestants[0]?.start();
      await contestants[0]?.elected();
      for (const one of contestants.slice(1)) await one.start();
      all.push(...contestants);
      paths.push(path);
    }
    const end = async (): Promise<void> => {
      for (const record of records) record.expectSafe({ atLeast: 0 });
      await Promise.all(all.map((one) => one.close()));
      const observer = await on.keeper();
      for (const path of paths) await untilEmpty(observer, path);
    };
    return { records, end };
  }

  /** Somebody leads in each election, at the latest so long after now. */
  async function expectProgress(records: readonly ElectionRecord[], withinMs = progressMs): Promise<number> {
    const sinceMs = performance.now();
    await Promise.all(records.map((record) => record.untilLed(0, 2 * withinMs)));
    const tookMs = performance.now() - sinceMs;
    expect(tookMs).toBeLessThan(withinMs);
    return Math.round(tookMs);
  }

  async function threeKeepers(): Promise<Keeper[]> {
    return await Promise.all([1, 2, 3].map(() => on.keeper({ sessionTimeoutMs })));
  }

  it('row 10: the member that a leader is connected to is killed', async () => {
    const keepers = await threeKeepers();
    const { records, end } = await elections(keepers);
    for (let round = 0; round < times(2, 6); round++) {
      const server = keepers[0]?.zookeeper.server;
      const member = ensemble.members.find(({ connectString }) => connectString === server);
      await member?.kill();
      await ensemble.untilServing();
      await expectProgress(records);
      await ensemble.startAll();
    }
    await expectProgress(records);
    await end();
  });

  it('row 10: the leader of the ensemble is killed, again and again', async () => {
    const { records, end } = await elections(await threeKeepers());
    const tookMs: number[] = [];
    for (let round = 0; round < times(4, 10); round++) {
      await (await ensemble.untilServing()).kill();
      await ensemble.untilServing();
      tookMs.push(await expectProgress(records));
      await ensemble.startAll();
    }
    console.log(`led again after a new leader of the ensemble, in ms: ${tookMs.join(' ')}`);
    await expectProgress(records);
    await end();
  });

  it('row 10: the quorum is lost for twice the session timeout, and returns', async () => {
    const { records, end } = await elections(await threeKeepers());
    const [first, second] = ensemble.members;
    await Promise.all([first?.kill(), second?.kill()]);
    const lostAtMs = performance.now();
    const leaders = () => records.flatMap((record) => record.leaders);
    await until(() => (leaders().length === 0 ? true : undefined), { what: 'all to step down', everyMs: 2 });
    expect(performance.now() - lostAtMs).toBeLessThan(sessionTimeoutMs + 250);
    await until(() => (performance.now() - lostAtMs > 2 * sessionTimeoutMs ? true : undefined), { what: 'its time' });
    expect(leaders()).toEqual([]);
    await ensemble.startAll();
    console.log(`led again after the return of the quorum, in ms: ${await expectProgress(records)}`);
    await end();
  });

  /** Three keepers, the first of them behind a network of its own to each member. */
  async function oneProxied(): Promise<{ keepers: Keeper[]; proxies: TcpProxy[] }> {
    const proxies = await Promise.all(ensemble.members.map(({ connectString }) => on.proxy(connectString)));
    const connectString = proxies.map((proxy) => proxy.connectString).join(',');
    const isolated = await on.keeper({ connectString, sessionTimeoutMs });
    on.afterwards(async () => {
      for (const proxy of proxies) proxy.heal();
    });
    const others = [await on.keeper({ sessionTimeoutMs }), await on.keeper({ sessionTimeoutMs })];
    return { keepers: [isolated, ...others], proxies };
  }

  it.each(['both', 'to-server', 'to-client'] as const)(
    'row 11: a leader is cut off from one member (%s): it moves to another and stays in the election',
    async (direction) => {
      const { keepers, proxies } = await oneProxied();
      const { records, end } = await elections(keepers);
      const isolated = keepers[0] as Keeper;
      const server = isolated.zookeeper.server;
      proxies.find(({ connectString }) => connectString === server)?.blackhole({ direction });
      await until(() => (![null, server].includes(isolated.zookeeper.server) ? true : undefined), {
        what: 'it to move to another member',
        timeoutMs: 2 * sessionTimeoutMs,
      });
      await expectProgress(records);
      await end();
    },
  );

  it.each(['both', 'to-server'] as const)(
    'row 11: a leader is cut off from all members (%s): it steps down by its clock, and another is elected',
    async (direction) => {
      const { keepers, proxies } = await oneProxied();
      const { records, end } = await elections(keepers);
      const before = records.map((record) => record.leaders[0]);
      for (const proxy of proxies) proxy.blackhole({ direction });
      const sinceMs = performance.now();
      await Promise.all(records.map((record) => record.untilLed(1, progressMs)));
      expect(performance.now() - sinceMs).toBeLessThan(progressMs);
      for (const tenure of before) expect(tenure?.signal.reason).toMatchObject({ reason: 'validity' });
      for (const proxy of proxies) proxy.heal();
      await end();
    },
  );

  it('row 11: a leader hears nothing any more, though it is heard: it steps down by its clock, then lets others lead', async () => {
    const { keepers, proxies } = await oneProxied();
    const { records, end } = await elections(keepers);
    for (const proxy of proxies) proxy.blackhole({ direction: 'to-client' });
    const sinceMs = performance.now();
    const isDown = () => records.every(({ tenures }) => tenures[0]?.tenure.state === 'lost');
    await until(() => (isDown() ? true : undefined), { what: 'it to step down', everyMs: 2 });
    expect(performance.now() - sinceMs).toBeLessThan(sessionTimeoutMs + 250);
    // Its handshakes keep its session alive, until it gives that up after four thirds of the timeout.
    await Promise.all(records.map((record) => record.untilLed(1, 3 * progressMs)));
    for (const proxy of proxies) proxy.heal();
    await expectProgress(records);
    await end();
  });
});
