import { NoNodeError } from '@zk-recipes/core';
import { enrol, untilFirst } from '@zk-recipes/core/recipe-kit';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { namesIn } from '../stage/lines.js';
import { untilWatched } from '../stage/server-counters.js';
import { freshLine, stage, untilState } from '../stage/stage.js';
import { requestsDuring } from '../stage/wire.js';

const name = 'lock-';

describeOnSharedServer('untilFirst, for the second in the line', () => {
  const on = stage();

  it('looks again where the connection was lost: what was missed is told in no order', async () => {
    const { keeper, proxy } = await on.proxied();
    const directory = freshLine();
    const ahead = await enrol(await on.keeper(), directory, { name });
    const first = untilFirst(await enrol(keeper, directory, { name }), name);
    await untilWatched(on.server, ahead.path);
    const reconnected = untilState(keeper, 'RECONNECTED');
    proxy.cut();
    await reconnected;
    const leave = async (): Promise<void> => {
      await ahead.withdraw();
      await first;
    };
    expect(await requestsDuring(proxy, leave)).toMatchObject({ getChildren2: 1 });
  });

  it('rejects when the own znode and the one before go while there is no connection', async () => {
    const { keeper, proxy } = await on.proxied();
    const [directory, other] = [freshLine(), await on.keeper()];
    const ahead = await enrol(other, directory, { name });
    const member = await enrol(keeper, directory, { name });
    const first = untilFirst(member, name);
    first.catch(() => {});
    await untilWatched(on.server, member.path);
    const suspended = untilState(keeper, 'SUSPENDED');
    proxy.refuse();
    proxy.cut();
    await suspended;
    await other.transaction().delete(ahead.path).delete(member.path).commit();
    await proxy.accept();
    await expect(first).rejects.toThrow(NoNodeError);
    expect(await namesIn(other, directory)).toEqual([]);
  });
});
