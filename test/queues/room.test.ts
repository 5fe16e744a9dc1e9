import { Keeper } from '@zk-recipes/core';
import { Queue } from '@zk-recipes/queues';
import { until } from '@zk-recipes/test-support';
import { describeOnSharedServer, freshPath, sharedServer } from '@zk-recipes/test-support/vitest';
import { afterEach, beforeEach, expect, it } from 'vitest';

describeOnSharedServer('a queue with room for two, whose producers and consumers share a connection', () => {
  let keeper: Keeper;
  let path: string;
  let queue: Queue<string>;

  beforeEach(async () => {
    keeper = await Keeper.connect({ connectString: sharedServer().connectString });
    path = freshPath('room');
    queue = new Queue<string>(keeper, path, { maxItems: 2 });
    await queue.putAll(['first', 'second']);
  });

  afterEach(async () => {
    for (const suffix of ['', '-side'])
      await keeper
        .delete()
        .deletingChildren()
        .quietly()
        .forPath(path + suffix);
    await keeper.close();
  });

  /** Begins to put, and resolves when that waits for room. */
  async function waitForRoom(value: string): Promise<{ readonly put: Promise<void> }> {
    let isIn = false;
    const put = queue.put(value).then(() => {
      isIn = true;
    });
    const producers = async () => (await keeper.exists().forPath(`${path}-side/producers`))?.numChildren ?? 0;
    await until(async () => (await producers()) > 0 || undefined, { what: 'a producer in line' });
    // Whatever it has asked the server for by then is answered first.
    for (let round = 0; round < 3; round++) await keeper.sync().forPath(path);
    expect(isIn).toBe(false);
    return { put };
  }

  it('tells a producer of room that a consumer made who came later', async () => {
    const { put } = await waitForRoom('third');
    const delivery = await queue.take();
    await delivery.ack();
    await put;
    expect(await queue.size()).toBe(2);
  });

  it('tells a consumer of what a producer put who came later', async () => {
    const deliveries = queue.consume({ concurrency: 3 });
    const held = [(await deliveries.next()).value, (await deliveries.next()).value];
    const { put } = await waitForRoom('third');
    await held[0]?.ack();
    await put;
    const third = (await deliveries.next()).value;
    expect(third?.value).toBe('third');
    await Promise.all([held[1]?.ack(), third?.ack()]);
    await deliveries.return?.();
    expect(await queue.size()).toBe(0);
  });
});
