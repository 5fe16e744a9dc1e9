import { SimpleQueue } from '@zk-recipes/queues';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { freshLine, stage } from '../stage/stage.js';
import { wire } from '../stage/wire.js';

describeOnSharedServer('SimpleQueue: order, by a list that was read before', () => {
  const on = stage();

  it('is right when the queue was reaped meanwhile, and numbers began anew', async () => {
    const [keeper, other] = await Promise.all([on.keeper(), on.keeper()]);
    const queue = new SimpleQueue(keeper, freshLine());
    const others = new SimpleQueue(other, queue.path);
    for (const text of ['a', 'b', 'c']) await others.offer(Buffer.from(text));
    expect(String(await queue.poll())).toBe('a');
    expect([String(await others.poll()), String(await others.poll())]).toEqual(['b', 'c']);
    // As the server does with an empty container.
    await other.delete().forPath(queue.path);
    for (const text of ['0', '1', '2']) await others.offer(Buffer.from(text));
    // What the other wrote may not have come to this one's server yet.
    await keeper.sync().forPath(queue.path);
    const taken = [await queue.poll(), await queue.poll(), await queue.poll()];
    expect(taken.map(String)).toEqual(['0', '1', '2']);
    expect(await queue.poll()).toBeNull();
  });

  it('is right when somebody changes an item that is being taken', async () => {
    const { keeper, proxy } = await on.proxied();
    const other = await on.keeper();
    const queue = new SimpleQueue(keeper, freshLine());
    // By the other one, so that the first transaction of this one is that of the poll.
    for (const text of ['a', 'b']) await new SimpleQueue(other, queue.path).offer(Buffer.from(text));
    await keeper.sync().forPath(queue.path);
    const lost = proxy.loseRequestOnce({ op: wire.multi });
    const polling = queue.poll();
    // The item was read then, and is not removed yet.
    await lost;
    proxy.refuse();
    await other.setData().forPath(`${queue.path}/qn-0000000000`, 'changed');
    await proxy.accept();
    expect(String(await polling)).toBe('changed');
    expect(String(await queue.poll())).toBe('b');
    expect(await queue.poll()).toBeNull();
  });
});
