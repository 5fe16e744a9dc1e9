import { type Keeper, retryForever } from '@zk-recipes/core';
import { startEnsemble, type TcpProxy, until, type ZooKeeperEnsemble } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LockCrowd } from '../stage/lock-crowd.js';
import { freshLine, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';

const sessionTimeoutMs = 2_000;
/** From the moment when there is a quorum, or a network, again. */
const progressMs = sessionTimeoutMs + 1_000;
/** Nobody is refused for the lack of a connection: who waits goes on waiting. */
const patient = { sessionTimeoutMs, retry: retryForever({ delayMs: 20 }) };

describeOnOwnServers('locks on an ensemble', { timeout: 60_000 }, () => {
  let ensemble: ZooKeeperEnsemble;
  beforeAll(async () => {
    ensemble = await startEnsemble({ tickTimeMs: 250 });
  }, 60_000);
  afterAll(async () => await ensemble?.[Symbol.asyncDispose]());
  const on = stage(() => ensemble.connectString);

  /** Those of three keepers, all contending. */
  async function contending(): Promise<{ crowd: LockCrowd; keepers: Keeper[]; observer: Keeper }> {
    const observer = await on.keeper();
    const crowd = await LockCrowd.around(observer, freshLine());
    const keepers = await Promise.all([1, 2, 3].map(() => on.keeper(patient)));
    for (const keeper of keepers) crowd.join(keeper);
    await crowd.grants.untilGrantedAgain(crowd.lines, progressMs);
    return { crowd, keepers, observer };
  }

  /** All locks are granted again. @returns how long that took */
  async function expectProgress({ grants, lines }: LockCrowd, withinMs = progressMs): Promise<number> {
    const sinceMs = performance.now();
    await grants.untilGrantedAgain(lines, 2 * withinMs);
    const tookMs = performance.now() - sinceMs;
    expect(tookMs).toBeLessThan(withinMs);
    return Math.round(tookMs);
  }

  it('row 10: members are killed, the leader and that of a contender in turn, again and again', async () => {
    const { crowd, keepers, observer } = await contending();
    const tookMs: number[] = [];
    for (let round = 0; round < times(4, 20); round++) {
      const leader = await ensemble.untilServing();
      const server = keepers[0]?.zookeeper.server;
      const own = ensemble.members.find(({ connectString }) => connectString === server);
      await (round % 2 === 0 ? leader : (own ?? leader)).kill();
      await ensemble.untilServing();
      tookMs.push(await expectProgress(crowd));
      await ensemble.startAll();
    }
    console.log(`granted again after a member's death, in ms: ${tookMs.join(' ')}`);
    await expectProgress(crowd);
    await crowd.end(observer);
  });

  it('row 10: the quorum is lost for twice the session timeout, and returns', async () => {
    const { crowd, keepers, observer } = await contending();
    const [first, second] = ensemble.members;
    await Promise.all([first?.kill(), second?.kill()]);
    const lostAtMs = performance.now();
    const isOver = (): boolean => keepers.every((keeper) => keeper.validForMs() === 0);
    await until(() => (isOver() ? true : undefined), { what: 'the end of all that was held', everyMs: 2 });
    expect(performance.now() - lostAtMs).toBeLessThan(sessionTimeoutMs + 250);
    const granted = crowd.grants.counts(crowd.lines);
    await until(() => (performance.now() - lostAtMs > 2 * sessionTimeoutMs ? true : undefined), { what: 'its time' });
    expect(crowd.grants.counts(crowd.lines)).toEqual(granted);
    await ensemble.startAll();
    console.log(`granted again after the return of the quorum, in ms: ${await expectProgress(crowd)}`);
    await crowd.end(observer);
  });

  /** Who holds all locks is behind a network of its own to each member; others wait for them. */
  async function oneProxied() {
    const proxies = await Promise.all(ensemble.members.map(({ connectString }) => on.proxy(connectString)));
    const connectString = proxies.map((proxy) => proxy.connectString).join(',');
    const isolated = await on.keeper({ connectString, ...patient });
    on.afterwards(async () => heal(proxies));
    const observer = await on.keeper();
    const crowd = await LockCrowd.around(observer, freshLine());
    const held = await crowd.holdAll(isolated);
    for (let others = 0; others < 2; others++) crowd.join(await on.keeper(patient));
    return { crowd, isolated, held, proxies, observer };
  }

  function heal(proxies: readonly TcpProxy[]): void {
    for (const proxy of proxies) proxy.heal();
  }

  it.each(['both', 'to-server', 'to-client'] as const)(
    'row 11: the holder is cut off from one member (%s): it moves to another, and has what it has, or knows',
    async (direction) => {
      const { crowd, isolated, held, proxies, observer } = await oneProxied();
      const { server } = isolated.zookeeper;
      proxies.find(({ connectString }) => connectString === server)?.blackhole({ direction });
      await until(() => (![null, server].includes(isolated.zookeeper.server) ? true : undefined), {
        what: 'it to move to another member',
        timeoutMs: 2 * sessionTimeoutMs,
      });
      // It may have lost them by its clock, which the others' grants are compared with.
      for (const hold of held) await hold.release();
      crowd.join(isolated);
      await expectProgress(crowd);
      await crowd.end(observer);
    },
  );

  it.each(['both', 'to-server'] as const)(
    'row 11: the holder is cut off from all members (%s): it loses all by its clock, and others have them',
    async (direction) => {
      const { crowd, isolated, held, proxies, observer } = await oneProxied();
      for (const proxy of proxies) proxy.blackhole({ direction });
      await expectProgress(crowd);
      for (const hold of held) {
        expect([hold.state, hold.validForMs()]).toEqual(['lost', 0]);
        expect(hold.signal.reason).toMatchObject({ reason: 'validity' });
        await hold.release();
      }
      crowd.join(isolated);
      heal(proxies);
      await expectProgress(crowd);
      await crowd.end(observer);
    },
  );

  it('row 11: the holder hears nothing any more, though it is heard: it loses all by its clock, then lets others have them', async () => {
    const { crowd, isolated, held, proxies, observer } = await oneProxied();
    for (const proxy of proxies) proxy.blackhole({ direction: 'to-client' });
    const sinceMs = performance.now();
    await until(() => (held.every(({ state }) => state === 'lost') ? true : undefined), {
      what: 'it to lose all',
      everyMs: 2,
    });
    expect(performance.now() - sinceMs).toBeLessThan(sessionTimeoutMs + 250);
    // Its handshakes keep its session alive, until it gives that up after four thirds of the timeout.
    await crowd.grants.untilGrantedAgain(crowd.lines, 3 * progressMs);
    for (const hold of held) await hold.release();
    heal(proxies);
    crowd.join(isolated);
    await expectProgress(crowd);
    await crowd.end(observer);
  });
});
