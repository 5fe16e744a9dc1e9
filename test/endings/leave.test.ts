import { DoubleBarrier } from '@zk-recipes/barriers';
import { until } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { OpCode } from 'zookeeper-ts-client/protocol';
import { isSettled, namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';

const LIMIT_MS = 2_000;
const SLACK_MS = 1_000;

describeOnOwnServers('leave of a DoubleBarrier, when all others have left,', () => {
  const server = ownServer();
  const on = stage(() => server().connectString);

  /** Two that are inside; the one behind the network is about to remove what is left when the other has left. */
  async function lastInside() {
    const path = freshLine();
    const { keeper, proxy } = await on.proxied({ sessionTimeoutMs: 10_000 });
    const other = await on.keeper();
    const barriers = [keeper, other].map((one) => new DoubleBarrier(one, path, { members: 2 }));
    const [own, peer] = barriers as [DoubleBarrier, DoubleBarrier];
    const names = await Promise.all([own.enter(), peer.enter()]).then(() => untilNames(other, path, 3));
    const ownName = await ownNameOf(keeper.sessionId, names, path, other);
    return { path, proxy, other, own, peer, isLowest: names.filter((name) => name !== 'ready').sort()[0] === ownName };
  }

  async function ownNameOf(
    sessionId: bigint,
    names: readonly string[],
    path: string,
    keeper: Awaited<ReturnType<typeof on.keeper>>,
  ): Promise<string | undefined> {
    for (const name of names) {
      const stat = await keeper.exists().forPath(`${path}/${name}`);
      if (stat?.ephemeralOwner === sessionId) return name;
    }
    return undefined;
  }

  /** Whose name is the lowest is up to chance. */
  async function lowestInside() {
    for (;;) {
      const scene = await lastInside();
      if (scene.isLowest) return scene;
      await Promise.all([scene.own.leave(), scene.peer.leave()]);
    }
  }

  async function untilMember(keeper: Awaited<ReturnType<typeof on.keeper>>, path: string): Promise<void> {
    const look = async (): Promise<true | undefined> =>
      (await namesIn(keeper, path)).some((name) => name !== 'ready') || undefined;
    await until(look, { what: 'a member' });
  }

  it.each(['a silent server', 'no connection'] as const)('is not held up by %s', async (fault) => {
    const { path, proxy, other, own, peer } = await lowestInside();
    const leaving = own.leave();
    const removal = proxy.untilRequest(OpCode.multi);
    const left = peer.leave();
    await removal.then(() => (fault === 'a silent server' ? proxy.blackhole() : undefined));
    if (fault === 'no connection') {
      proxy.refuse();
      proxy.cut();
    }
    const beganMs = performance.now();
    await leaving;
    expect(performance.now() - beganMs).toBeLessThan((fault === 'a silent server' ? LIMIT_MS : 0) + SLACK_MS);
    // The next round begins when the earlier one is over: it would be entered at once by the rest of that.
    const entering = own.enter();
    expect(await isSettled(entering)).toBe(false);
    proxy.heal();
    await proxy.accept();
    await left;
    await untilNames(other, path, 1);
    expect(await isSettled(entering)).toBe(false);
    await Promise.all([entering, peer.enter()]);
    await Promise.all([own.leave(), peer.leave()]);
    await untilEmpty(other, path);
  });

  it('leaves no member when its signal aborts after it has resolved without a connection', async () => {
    const { path, proxy, other, own, peer } = await lowestInside();
    const caller = new AbortController();
    const leaving = own.leave({ signal: caller.signal });
    const removal = proxy.untilRequest(OpCode.multi);
    const lost = proxy.loseRequestOnce({ op: OpCode.multi }).then(() => proxy.refuse());
    const left = peer.leave();
    await Promise.all([removal, lost]);
    await leaving;
    caller.abort(new Error('enough'));
    await proxy.accept();
    await left;
    // What says that the round was open may stay, and opens no other round.
    await until(async () => ((await namesIn(other, path)).every((name) => name === 'ready') ? true : undefined), {
      what: 'the member to go',
      timeoutMs: 5_000,
    });
    const entering = own.enter();
    await untilMember(other, path);
    expect(await isSettled(entering)).toBe(false);
    await Promise.all([entering, peer.enter()]);
    await Promise.all([own.leave(), peer.leave()]);
    await untilEmpty(other, path);
    expect(on.errors).toEqual([]);
  });
});
