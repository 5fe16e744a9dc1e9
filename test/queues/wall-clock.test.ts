import { DelayQueue, Queue } from '@zk-recipes/queues';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { afterEach, expect, it, vi } from 'vitest';
import { untilNames } from '../stage/lines.js';
import { freshLine, stage } from '../stage/stage.js';

const HOUR_MS = 3_600_000;

/** The wall clock of this process, as the packages take it when they are imported; servers have one of their own. */
const wall = vi.hoisted(() => {
  const now = Date.now;
  const offset = { ms: 0 };
  Date.now = () => now() + offset.ms;
  return offset;
});

describeOnSharedServer('queues, when the wall clock jumps', () => {
  const on = stage();
  afterEach(() => {
    wall.ms = 0;
  });

  it('deliver an item that falls due by the jump, with no further put', async () => {
    const keeper = await on.keeper();
    const queue = new DelayQueue<string>(keeper, freshLine());
    await queue.put('later', { delayMs: HOUR_MS });
    const taking = queue.take();
    await untilNames(keeper, `${queue.path}-side/line`, 1);
    wall.ms = HOUR_MS;
    const item = await taking;
    expect(item.value).toBe('later');
    await item.ack();
  });

  it('deliver an item again after its delay, though the clock was set back by an hour meanwhile', async () => {
    wall.ms = HOUR_MS;
    const keeper = await on.keeper();
    const queue = new Queue<string>(keeper, freshLine());
    await queue.put('again');
    const first = await queue.take();
    await first.retry({ delayMs: 300 });
    wall.ms = 0;
    const beganMs = performance.now();
    const second = await queue.take();
    expect(second.attempts).toBe(2);
    expect(performance.now() - beganMs).toBeGreaterThan(250);
    await second.ack();
  });

  it('deliver an item again within seconds, when the clock jumps past a long delay', async () => {
    const keeper = await on.keeper();
    const queue = new Queue<string>(keeper, freshLine());
    await queue.put('again');
    const first = await queue.take();
    await first.retry({ delayMs: HOUR_MS });
    const taking = queue.take();
    await untilNames(keeper, `${queue.path}-side/line`, 1);
    wall.ms = HOUR_MS;
    const second = await taking;
    expect(second.attempts).toBe(2);
    await second.ack();
  });
});
