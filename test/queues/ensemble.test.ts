import { Queue } from '@zk-recipes/queues';
import { startEnsemble, type ZooKeeperEnsemble } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { untilEmpty } from '../stage/lines.js';
import { freshLine, stage } from '../stage/stage.js';
import { times } from '../stage/thoroughness.js';

describeOnOwnServers('queues on an ensemble', { timeout: 120_000 }, () => {
  let ensemble: ZooKeeperEnsemble;
  beforeAll(async () => {
    ensemble = await startEnsemble({ tickTimeMs: 250 });
  }, 60_000);
  afterAll(async () => await ensemble?.[Symbol.asyncDispose]());
  const on = stage(() => ensemble.connectString);

  it('leaders die, consumers crash: every item that was put is worked on, and acknowledged once', async () => {
    const path = freshLine();
    const count = times(600, 10_000);
    const [observer, ...producers] = await Promise.all([0, 1, 2, 3].map(() => on.keeper()));
    const put = new Set<string>();
    const unknown = new Set<string>();
    const producing = producers.map(async (keeper, index) => {
      const queue = new Queue<string>(keeper, path);
      for (let number = 0; number < count / 3; number++) {
        const value = `${index}/${number}`;
        await queue.put(value).then(
          () => put.add(value),
          () => unknown.add(value),
        );
      }
    });
    const acknowledged = new Map<string, number>();
    const doubtful = new Set<string>();
    const ending = new AbortController();
    const consume = async (crashesAfter: number): Promise<void> => {
      const keeper = await on.keeper({ sessionTimeoutMs: 2_000 });
      let handled = 0;
      try {
        for await (const { value, ...delivery } of deliveriesOf(new Queue<string>(keeper, path), ending.signal)) {
          handled += 1;
          if (handled === crashesAfter) return;
          await delivery.ack().then(
            () => acknowledged.set(value, (acknowledged.get(value) ?? 0) + 1),
            () => doubtful.add(value),
          );
        }
      } finally {
        await keeper.close();
      }
    };
    const consuming = [40, 90, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY].map((after) =>
      consume(after).catch((error: unknown) => {
        if (!ending.signal.aborted) throw error;
      }),
    );
    for (let round = 0; round < times(2, 10); round++) {
      const leader = await ensemble.untilServing();
      await leader.kill();
      await leader.restart();
    }
    await ensemble.untilServing();
    await Promise.all(producing);
    await untilEmpty(observer as NonNullable<typeof observer>, path, 60_000);
    ending.abort();
    await Promise.all(consuming);
    for (const value of put) expect(acknowledged.has(value) || doubtful.has(value), `${value} is lost`).toBe(true);
    for (const [value, times] of acknowledged) expect(times, `${value} is acknowledged ${times} times`).toBe(1);
    for (const value of acknowledged.keys()) expect(put.has(value) || unknown.has(value)).toBe(true);
    expect(acknowledged.size).toBeGreaterThan(count / 2);
    for (const place of ['claims', 'attempts', 'line', 'markers']) {
      await untilEmpty(observer as NonNullable<typeof observer>, `${path}-side/${place}`);
    }
  });
});

/** Deliveries as they come, with the one verb that is used. */
async function* deliveriesOf(
  queue: Queue<string>,
  signal: AbortSignal,
): AsyncGenerator<{ readonly value: string; ack(): Promise<void> }> {
  for await (const delivery of queue.consume({ signal })) {
    yield { value: delivery.value, ack: () => delivery.ack() };
  }
}
