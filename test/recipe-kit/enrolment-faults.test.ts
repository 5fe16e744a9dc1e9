import { SessionExpiredError } from '@zk-recipes/core';
import { enrol } from '@zk-recipes/core/recipe-kit';
import { type TcpProxy, until } from '@zk-recipes/test-support';
import { describeOnOwnServers, describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { expire, freshLine, ownServer, stage } from '../stage/stage.js';
import { wire } from '../stage/wire.js';

const name = 'lock-';

/** What happens to the creates of one enrolment, one after the other; the next one then passes. */
const fates = [
  ['reply'],
  ['request'],
  ['reply', 'reply'],
  ['request', 'request'],
  ['request', 'reply'],
  ['reply', 'request'],
  ['reply', 'reply', 'reply'],
] as const;

describeOnSharedServer('enrol through faults', () => {
  const on = stage();

  it.each(fates.map((lost) => ({ lost })))('stands in the line once when creates lose $lost', async ({ lost }) => {
    const { keeper, proxy } = await on.proxied();
    const observer = await on.keeper();
    const directory = freshLine();
    await observer.create().forPath(directory);
    const faults = loseInTurn(proxy, lost);
    const member = await enrol(keeper, directory, { name });
    expect(await namesIn(observer, directory)).toEqual([member.name]);
    expect(await observer.exists().forPath(member.path)).toMatchObject({ ephemeralOwner: keeper.sessionId });
    expect((await observer.exists().forPath(member.path))?.czxid).toBe(member.czxid);
    await faults;
    await member.withdraw();
    expect(await namesIn(observer, directory)).toEqual([]);
  });

  it.each([
    ['reply', wire.createContainer],
    ['request', wire.createContainer],
    ['reply', wire.exists],
    ['reply', wire.sync],
  ] as const)('stands in the line once when a parent loses a %s (%i)', async (what, op) => {
    const { keeper, proxy } = await on.proxied();
    const observer = await on.keeper();
    const directory = `${freshLine()}/a/b`;
    if (op === wire.sync) void proxy.loseReplyOnce({ op: wire.create, nth: 2 });
    const fault = what === 'reply' ? proxy.loseReplyOnce({ op }) : proxy.loseRequestOnce({ op });
    const member = await enrol(keeper, directory, { name });
    await fault;
    expect(await namesIn(observer, directory)).toEqual([member.name]);
  });

  it.each(['reply', 'request'] as const)('withdraws although the delete loses its %s', async (what) => {
    const { keeper, proxy } = await on.proxied();
    const observer = await on.keeper();
    const directory = freshLine();
    const member = await enrol(keeper, directory, { name });
    const fault =
      what === 'reply' ? proxy.loseReplyOnce({ op: wire.delete }) : proxy.loseRequestOnce({ op: wire.delete });
    await member.withdraw();
    await fault;
    await untilEmpty(observer, directory);
    expect(on.errors).toEqual([]);
  });

  it('takes no znode of a session that expired in between for its own', async () => {
    const { keeper, proxy } = await on.proxied();
    const observer = await on.keeper();
    const directory = freshLine();
    await observer.create().forPath(directory);
    const lost = proxy.loseReplyOnce({ op: wire.create });
    const enrolment = enrol(keeper, directory, { name });
    await lost;
    proxy.refuse();
    const [old] = await untilNames(observer, directory, 1);
    await expire(keeper, on.server);
    await proxy.accept();
    const member = await enrolment;
    expect(member.name).not.toBe(old);
    expect(member.sessionId).toBe(keeper.sessionId);
    expect(member.epoch).toBe(2);
    expect(await namesIn(observer, directory)).toEqual([member.name]);
  });

  it('rejects with SessionExpiredError, or stands in the new session, when it expires right behind the create', async () => {
    const observer = await on.keeper();
    for (let round = 0; round < 10; round++) {
      const { keeper, proxy } = await on.proxied();
      const directory = freshLine();
      await observer.create().forPath(directory);
      proxy.delay(20);
      const sent = proxy.untilRequest(wire.create);
      const enrolment = enrol(keeper, directory, { name }).catch((error: unknown) => error);
      await sent;
      await expire(keeper, on.server);
      const outcome = await enrolment;
      if (outcome instanceof SessionExpiredError) await untilEmpty(observer, directory);
      else {
        const [there, ...ghosts] = await namesIn(observer, directory);
        expect(ghosts).toEqual([]);
        // Answered before the session ended: the member is of a session that is over, and its epoch says so.
        const member = outcome as Awaited<ReturnType<typeof enrol>>;
        if (there === undefined) {
          await until(() => (keeper.sessionEpoch > member.epoch ? true : undefined), { what: 'the next session' });
          expect(member.sessionId).not.toBe(keeper.sessionId);
        } else expect(there).toBe(member.name);
      }
    }
  });

  it('does not wait to withdraw from a session that is over', async () => {
    const keeper = await on.keeper();
    const directory = freshLine();
    const member = await enrol(keeper, directory, { name });
    await expire(keeper, on.server);
    await member.withdraw();
    await keeper.sync().forPath('/');
    await member.withdraw();
    expect(on.errors).toEqual([]);
    expect(await namesIn(keeper, directory)).toEqual([]);
  });

  it('withdraws when the connection comes back, and waits no longer than the session certainly lives', async () => {
    const { keeper, proxy } = await on.proxied({ sessionTimeoutMs: 2_000 });
    const observer = await on.keeper();
    const directory = freshLine();
    const member = await enrol(keeper, directory, { name });
    proxy.refuse();
    proxy.cut();
    const beganMs = performance.now();
    await member.withdraw();
    expect(performance.now() - beganMs).toBeLessThan(keeper.sessionTimeoutMs + 500);
    await proxy.accept();
    await untilEmpty(observer, directory);
  });
});

describeOnOwnServers('enrol where the server reaps containers', () => {
  const server = ownServer({ systemProperties: { 'znode.container.checkIntervalMs': 10 } });
  const on = stage(() => server().connectString);

  it('makes its parents again, round after round', { timeout: 30_000 }, async () => {
    const keeper = await on.keeper();
    const directory = '/reaped/again/and-again';
    let last = 0n;
    let remade = 0;
    for (let round = 0; round < 200; round++) {
      const member = await enrol(keeper, directory, { name });
      expect(member.czxid).toBeGreaterThan(last);
      last = member.czxid;
      if (member.name.endsWith('0000000000')) remade += 1;
      await member.withdraw();
      if (round % 10 === 0) await untilGone();
    }
    expect(remade).toBeGreaterThan(10);

    async function untilGone(): Promise<void> {
      while ((await keeper.exists().forPath('/reaped')) !== null)
        await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });
});

/** A create whose reply was lost is looked for before it is repeated: then it is the look-up that is hit next. */
async function loseInTurn(proxy: TcpProxy, lost: readonly ('reply' | 'request')[]): Promise<void> {
  let op: number = wire.create;
  for (const what of lost) {
    await (what === 'reply' ? proxy.loseReplyOnce({ op }) : proxy.loseRequestOnce({ op }));
    if (what === 'reply') op = wire.getChildren;
  }
}
