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

  it('give back what is seen to be lost while the clock is ahead, though it is set back at once', async () => {
    const queue = new Queue<string>(await on.keeper(), freshLine());
    const other = new Queue<string>(await on.keeper(), queue.path);
    await queue.put('again');
    const first = await queue.take();
    wall.ms = HOUR_MS;
    expect(first.state).toBe('lost');
    wall.ms = 0;
    const second = await other.take({ signal: AbortSignal.timeout(4_000) });
    expect([first.state, second.attempts]).toEqual(['lost', 2]);
    await second.ack();
  });

  it('give back what is lost while its settlement is refused', async () => {
    const keeper = await on.keeper();
    const queue = new Queue<string>(keeper, freshLine());
    const other = new Queue<string>(await on.keeper(), queue.path);
    await queue.put('again');
    const first = await queue.take();
    const permit = (perms: number): Promise<unknown> =>
      keeper
        .setAcl()
        .withAcl([{ perms, id: { scheme: 'world', id: 'anyone' } }])
        .forPath(`${queue.path}-side/claims`);
    const [all, remove] = [31, 8];
    await permit(all - remove);
    const settling = first.ack();
    wall.ms = HOUR_MS;
    await expect(settling).rejects.toThrow();
    expect(first.state).toBe('lost');
    wall.ms = 0;
    await permit(all);
    const second = await other.take({ signal: AbortSignal.timeout(4_000) });
    expect(second.attempts).toBe(2);
    await second.ack();
  });
});
