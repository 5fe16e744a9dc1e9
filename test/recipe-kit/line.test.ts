import { ForeignZnodeError, type Keeper, NoNodeError, SessionExpiredError } from '@zk-recipes/core';
import { enrol, type Member, MemberHold, untilFirst } from '@zk-recipes/core/recipe-kit';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { isSettled, namesIn, untilEmpty } from '../stage/lines.js';
import { serverCounters, untilUnwatched, untilWatchCount, untilWatched } from '../stage/server-counters.js';
import { expire, freshLine, ownServer, stage } from '../stage/stage.js';
import { requestsDuring } from '../stage/wire.js';

const name = 'lock-';

async function enrolInOrder(keepers: readonly Keeper[], directory: string, count: number): Promise<Member[]> {
  const members: Member[] = [];
  for (let index = 0; index < count; index++) {
    members.push(await enrol(keepers[index % keepers.length] as Keeper, directory, { name }));
  }
  return members;
}

describeOnOwnServers('untilFirst', () => {
  const server = ownServer();
  const on = stage(() => server().connectString);

  it('asks for nothing more when the list came with the create and nobody stands before', async () => {
    const { keeper, proxy } = await on.proxied();
    const directory = freshLine();
    await (await on.keeper()).create().forPath(directory);
    const member = await enrol(keeper, directory, { name });
    expect(await requestsDuring(proxy, () => untilFirst(member, name))).toEqual({});
  });

  it('wakes one member for each departure, in a line of 120 over 6 sessions', { timeout: 60_000 }, async () => {
    const keepers = await Promise.all(Array.from({ length: 6 }, () => on.keeper()));
    const directory = freshLine();
    const before = await serverCounters(on.server);
    const members = await enrolInOrder(keepers, directory, 120);
    const order: number[] = [];
    const firsts = members.map(async (member, index) => {
      await untilFirst(member, name);
      order.push(index);
    });
    // Each watches the one before it, and the second itself as well.
    await untilWatchCount(on.server, 120);
    for (const [index, member] of members.entries()) {
      await firsts[index];
      expect(order).toEqual(members.slice(0, index + 1).map((_, at) => at));
      await member.withdraw();
    }
    const after = await serverCounters(on.server);
    // One notification a departure, but that the last departs unwatched; and the second hears of its own.
    expect(after.notices - before.notices).toBe(120);
    expect(after.deletionNotices - before.deletionNotices).toBe(120);
    expect(after.watches).toBe(0);
    // Each: create and list, watch, list, delete. Pings and this test's own questions come on top.
    expect(after.packetsReceived - before.packetsReceived).toBeLessThan(120 * 5 + 120);
    await untilEmpty(keepers[0] as Keeper, directory);
  });

  it('does not keep a copy of the line for each who waits in it, nor for who holds', async () => {
    const [keeper, directory] = [await on.keeper(), freshLine()];
    await keeper.create().forPath(directory);
    const members = await enrolInOrder([keeper], directory, 100);
    expect(members.filter(({ siblings }) => siblings === null)).toEqual([]);
    const [first, ...waiting] = members as [Member, ...Member[]];
    const controller = new AbortController();
    const firsts = waiting.map((member) => untilFirst(member, name, { signal: controller.signal }));
    await untilWatchCount(on.server, 99);
    const hold = new MemberHold(first);
    expect(members.filter(({ siblings }) => siblings !== null)).toEqual([]);
    controller.abort('enough');
    await Promise.allSettled(firsts);
    await Promise.all([hold.release(), ...waiting.map((member) => member.withdraw())]);
  });

  it('closes the gap when one leaves from the middle, and tells only the one behind it', async () => {
    const keeper = await on.keeper();
    const directory = freshLine();
    const members = await enrolInOrder([keeper], directory, 100);
    const firsts = members.map((member) => untilFirst(member, name));
    await untilWatchCount(on.server, 99);
    const before = await serverCounters(on.server);
    await members[50]?.withdraw();
    await untilWatched(on.server, members[49]?.path as string);
    await untilWatchCount(on.server, 98);
    expect((await serverCounters(on.server)).notices - before.notices).toBe(1);
    const settled = await Promise.all(firsts.map((first) => isSettled(first)));
    expect(settled.map((is, index) => (is ? index : -1)).filter((index) => index >= 0)).toEqual([0]);
    for (const [index, member] of members.entries()) {
      if (index !== 50) {
        await firsts[index];
        await member.withdraw();
      }
    }
    await firsts[50]?.catch(() => {});
    expect(await namesIn(keeper, directory)).toEqual([]);
  });

  it('goes on when the session of the one before expires', async () => {
    const [ahead, keeper] = [await on.keeper(), await on.keeper()];
    const directory = freshLine();
    await enrol(ahead, directory, { name });
    const member = await enrol(keeper, directory, { name });
    const first = untilFirst(member, name);
    await untilWatchCount(on.server, 2);
    expect(await isSettled(first)).toBe(false);
    await expire(ahead, on.server);
    await first;
  });

  it('rejects at once when the own znode of the second is gone', async () => {
    const keeper = await on.keeper();
    const directory = freshLine();
    const [ahead, member] = (await enrolInOrder([keeper], directory, 2)) as [Member, Member];
    const first = untilFirst(member, name);
    first.catch(() => {});
    await untilWatched(on.server, ahead.path);
    await keeper.delete().forPath(member.path);
    await expect(first).rejects.toThrow(NoNodeError);
    await untilUnwatched(on.server, directory);
    await ahead.withdraw();
  });

  it('rejects when the own znode and the one before go in one transaction', async () => {
    const keeper = await on.keeper();
    const directory = freshLine();
    const [ahead, member] = (await enrolInOrder([keeper], directory, 2)) as [Member, Member];
    const first = untilFirst(member, name);
    first.catch(() => {});
    await untilWatched(on.server, ahead.path);
    await keeper.transaction().delete(member.path).delete(ahead.path).commit();
    await expect(first).rejects.toThrow(NoNodeError);
  });

  it('looks again when somebody wrote to the own znode: what came afterwards was not watched', async () => {
    const keeper = await on.keeper();
    const directory = freshLine();
    const [ahead, member] = (await enrolInOrder([keeper], directory, 2)) as [Member, Member];
    const first = untilFirst(member, name);
    await untilWatched(on.server, member.path);
    await keeper.setData().forPath(member.path, 'by hand');
    await ahead.withdraw();
    await first;
    expect(await namesIn(keeper, directory)).toEqual([member.name]);
  });

  it('rejects when the own znode of a later one is gone, at the next look', async () => {
    const keeper = await on.keeper();
    const directory = freshLine();
    const [, ahead, member] = (await enrolInOrder([keeper], directory, 3)) as [Member, Member, Member];
    const first = untilFirst(member, name);
    first.catch(() => {});
    await untilWatched(on.server, ahead.path);
    await keeper.delete().forPath(member.path);
    await ahead.withdraw();
    await expect(first).rejects.toThrow(NoNodeError);
  });

  it('asks for nothing more when the last one before it has gone', async () => {
    const { keeper, proxy } = await on.proxied();
    const directory = freshLine();
    const ahead = await enrol(await on.keeper(), directory, { name });
    const first = untilFirst(await enrol(keeper, directory, { name }), name);
    await untilWatched(on.server, ahead.path);
    const leave = async (): Promise<void> => {
      await ahead.withdraw();
      await first;
    };
    expect(await requestsDuring(proxy, leave)).toEqual({});
  });

  it('rejects when the whole line is removed', async () => {
    const keeper = await on.keeper();
    const directory = freshLine();
    // The third: of the second, the one before may go first, and then it has its turn for a moment.
    const [, , member] = (await enrolInOrder([keeper], directory, 3)) as [Member, Member, Member];
    const first = untilFirst(member, name);
    first.catch(() => {});
    await keeper.delete().deletingChildren().forPath(directory);
    await expect(first).rejects.toThrow(NoNodeError);
  });

  it('rejects with SessionExpiredError when the session expires in the line', async () => {
    const [ahead, keeper] = [await on.keeper(), await on.keeper()];
    const directory = freshLine();
    const holder = await enrol(ahead, directory, { name });
    const member = await enrol(keeper, directory, { name });
    const first = untilFirst(member, name);
    first.catch(() => {});
    await untilWatched(on.server, holder.path);
    await expire(keeper, on.server);
    await expect(first).rejects.toThrow(SessionExpiredError);
    await untilUnwatched(on.server, directory);
  });

  it('rejects with the reason of the signal, and leaves no watch', async () => {
    const keeper = await on.keeper();
    const directory = freshLine();
    const [ahead, member] = (await enrolInOrder([keeper], directory, 2)) as [Member, Member];
    const controller = new AbortController();
    const first = untilFirst(member, name, { signal: controller.signal });
    first.catch(() => {});
    await untilWatched(on.server, ahead.path);
    controller.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    await untilUnwatched(on.server, directory);
  });

  it('stands behind a foreign child with the name of a place until it is gone', async () => {
    const keeper = await on.keeper();
    const directory = freshLine();
    const foreign = `other-${name}0000000000`;
    await keeper.create().forPath(directory);
    await keeper.create().withMode('EPHEMERAL').forPath(`${directory}/${foreign}`);
    // The next number is 1, since the directory has had a child.
    const member = await enrol(keeper, directory, { name });
    const first = untilFirst(member, name);
    await untilWatched(on.server, `${directory}/${foreign}`);
    expect(await isSettled(first)).toBe(false);
    await keeper.delete().forPath(`${directory}/${foreign}`);
    await first;
  });

  it('refuses by name a foreign child ahead that is no place of Curator or kazoo, and ends like one', async () => {
    const keeper = await on.keeper();
    const directory = freshLine();
    await keeper.create().creatingParents().forPath(`${directory}/0000000000`);
    const member = await enrol(keeper, directory, { name });
    const error = await untilFirst(member, name).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ForeignZnodeError);
    expect(error).toMatchObject({ code: 'ZK_FOREIGN_ZNODE', path: `${directory}/0000000000` });
  });

  it.each(['zfoo', '_foo', '0foo', '!foo', '-foo', 'lock-', '0', '-1'])(
    'passes the foreign child %s',
    async (foreign) => {
      const keeper = await on.keeper();
      const directory = freshLine();
      await keeper.create().forPath(directory);
      await keeper.create().forPath(`${directory}/${foreign}`);
      await untilFirst(await enrol(keeper, directory, { name }), name);
    },
  );
});
