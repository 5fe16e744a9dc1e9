import { HoldLostError, type Keeper, MultiError, NotHeldError, retryNTimes } from '@zk-recipes/core';
import { DelayQueue, type Delivery, PriorityQueue, Queue } from '@zk-recipes/queues';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { describe, expect, it } from 'vitest';
import { untilAborted } from '../stage/holds.js';
import { isSettled, namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { untilUnwatched } from '../stage/server-counters.js';
import { expire, freshLine, stage } from '../stage/stage.js';
import { wire } from '../stage/wire.js';

describeOnSharedServer('consuming', () => {
  const on = stage();

  /** A queue of a user's own with some items in it. */
  async function queueOf(
    values: readonly string[],
    path = freshLine(),
  ): Promise<{ queue: Queue<string>; keeper: Keeper }> {
    const keeper = await on.keeper();
    const queue = new Queue<string>(keeper, path);
    await queue.putAll(values);
    return { queue, keeper };
  }

  it('hands out items in the order in which they were put, each once', async () => {
    const { queue, keeper } = await queueOf(['a', 'b', 'c']);
    await queue.put('d');
    const seen: string[] = [];
    for await (const delivery of queue.consume()) {
      seen.push(delivery.value);
      expect(delivery).toMatchObject({ attempts: 1, lastReason: null, priority: 0, id: null, state: 'held' });
      await delivery.ack();
      expect(delivery.state).toBe('settled');
      if (seen.length === 4) break;
    }
    expect(seen).toEqual(['a', 'b', 'c', 'd']);
    expect(await queue.size()).toBe(0);
    expect(await queue.peek()).toBeNull();
    for (const place of ['claims', 'attempts', 'line', 'markers'])
      await untilEmpty(keeper, `${queue.path}-side/${place}`);
    await untilUnwatched(on.server, queue.path);
    expect(on.errors).toEqual([]);
  });

  it('has no more deliveries unsettled than it may, and claims nothing that is not asked for', async () => {
    const { queue, keeper } = await queueOf(['a', 'b', 'c', 'd']);
    const deliveries = queue.consume({ concurrency: 2 });
    const [first, second] = [await deliveries.next(), await deliveries.next()].map(
      ({ value }) => value as Delivery<string>,
    );
    const third = deliveries.next();
    expect(await namesIn(keeper, `${queue.path}-side/claims`)).toHaveLength(2);
    expect(await isSettled(third)).toBe(false);
    await second?.ack();
    expect((await third).value?.value).toBe('c');
    await Promise.all([first?.ack(), (await third).value?.ack()]);
    await deliveries.return?.();
    expect(await namesIn(keeper, `${queue.path}-side/claims`)).toEqual([]);
    expect(await queue.size()).toBe(1);
  });

  it.each(['break', 'throw'])('gives an unsettled delivery back at once when the loop is left by %s', async (how) => {
    const { queue, keeper } = await queueOf(['a']);
    const loop = async (): Promise<void> => {
      for await (const delivery of queue.consume()) {
        expect(delivery.value).toBe('a');
        if (how === 'throw') throw new Error('of the loop');
        break;
      }
    };
    if (how === 'throw') await expect(loop()).rejects.toThrow('of the loop');
    else await loop();
    expect(await namesIn(keeper, `${queue.path}-side/claims`)).toEqual([]);
    const again = await queue.take();
    expect(again.attempts).toBe(2);
    await again.ack();
  });

  it('rejects with the reason of the signal, and leaves nothing', async () => {
    const { queue, keeper } = await queueOf([]);
    const controller = new AbortController();
    const reason = new Error('enough');
    const deliveries = queue.consume({ signal: controller.signal });
    const next = deliveries.next();
    const take = queue.take({ signal: controller.signal });
    await untilNames(keeper, `${queue.path}-side/line`, 2);
    controller.abort(reason);
    await Promise.all([expect(next).rejects.toBe(reason), expect(take).rejects.toBe(reason)]);
    await expect(deliveries.next()).rejects.toBe(reason);
    await expect(queue.take({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await untilEmpty(keeper, `${queue.path}-side/line`);
    await untilUnwatched(on.server, queue.path);
  });

  it('several consumers get each item once', async () => {
    const values = Array.from({ length: 200 }, (_, index) => `${index}`);
    const { queue } = await queueOf(values);
    const seen: string[] = [];
    const controller = new AbortController();
    const consume = async (keeper: Keeper): Promise<void> => {
      for await (const delivery of new Queue<string>(keeper, queue.path).consume({ signal: controller.signal })) {
        seen.push(delivery.value);
        await delivery.ack();
        if (seen.length === values.length) controller.abort();
      }
    };
    const keepers = await Promise.all([1, 2, 3, 4].map(() => on.keeper()));
    await Promise.all(keepers.map((keeper) => consume(keeper).catch(() => {})));
    expect(seen.toSorted()).toEqual(values.toSorted());
    // One may start a little before the one that was handed out before it, no more.
    for (const [index, value] of seen.entries()) expect(Math.abs(Number(value) - index)).toBeLessThan(20);
  });

  it('goes to who has waited longest', async () => {
    const { queue } = await queueOf([]);
    const order: number[] = [];
    const waiting: Promise<void>[] = [];
    for (const index of [0, 1, 2, 3, 4, 5, 6, 7]) {
      const keeper = await on.keeper();
      const take = new Queue<string>(keeper, queue.path).take();
      waiting.push(
        take.then(async (delivery) => {
          order.push(index);
          await delivery.ack();
        }),
      );
      await untilNames(keeper, `${queue.path}-side/line`, index + 1);
    }
    for (const [index, taken] of waiting.entries()) {
      await queue.put(`${index}`);
      await taken;
    }
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  describe('a delivery', () => {
    it('aborts its signal when its session expires, and its item is handed out again', async () => {
      const { queue } = await queueOf(['a']);
      const doomed = await on.keeper();
      const lost = await new Queue<string>(doomed, queue.path).take();
      expect(lost.validForMs()).toBeGreaterThan(0);
      await expire(doomed, on.server);
      expect(await untilAborted(lost.signal)).toBeInstanceOf(HoldLostError);
      expect([lost.state, lost.validForMs()]).toEqual(['lost', 0]);
      const again = await queue.take();
      expect(again.attempts).toBe(2);
      expect(again.fencingToken).toBeGreaterThan(lost.fencingToken);
      await expect(lost.ack()).rejects.toBeInstanceOf(HoldLostError);
      expect(() => lost.guard()).toThrow(NotHeldError);
      await lost[Symbol.asyncDispose]();
      await again.ack();
      expect(await queue.size()).toBe(0);
    });

    it('guards a write as long as its claim stands', async () => {
      const { queue, keeper } = await queueOf(['a']);
      const result = `${queue.path}-result`;
      const delivery = await queue.take();
      await delivery.guard().create(result, 'first').commit();
      const guarded = delivery.guard().setData(result, 'second');
      const [claim] = await namesIn(keeper, `${queue.path}-side/claims`);
      await keeper.delete().forPath(`${queue.path}-side/claims/${claim}`);
      const refusal: unknown = await guarded.commit().catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(MultiError);
      expect((refusal as MultiError).failedIndex).toBe(0);
      expect((await untilAborted(delivery.signal)).reason).toBe('deleted');
      await expect(delivery.ack()).rejects.toMatchObject({ reason: 'deleted' });
      expect(await queue.size()).toBe(1);
    });

    it('is settled once, in one way', async () => {
      const { queue } = await queueOf(['a']);
      const delivery = await queue.take();
      const acks = [delivery.ack(), delivery.ack()];
      await expect(delivery.retry()).rejects.toBeInstanceOf(NotHeldError);
      await expect(delivery.reject()).rejects.toBeInstanceOf(NotHeldError);
      await Promise.all(acks);
      await delivery.ack();
      await delivery[Symbol.asyncDispose]();
      expect(() => delivery.guard()).toThrow(NotHeldError);
      expect(await queue.deadLetters()).toEqual([]);
    });

    it('goes back to its place when it is disposed of, with its priority', async () => {
      const keeper = await on.keeper();
      const queue = new PriorityQueue<string>(keeper, freshLine());
      await queue.put('low', { priority: 9 });
      await queue.put('high', { priority: -9 });
      const first = await queue.take();
      await first[Symbol.asyncDispose]();
      const again = await queue.take();
      expect([again.value, again.priority, again.attempts, again.path]).toEqual(['high', -9, 2, first.path]);
      await again.ack();
    });

    it('is not handed out again before its delay is over, while others are', async () => {
      const { queue } = await queueOf(['a', 'b']);
      const began = Date.now();
      const first = await queue.take();
      await expect(first.retry({ delay: 300 } as never)).rejects.toThrow(
        new TypeError('Unknown option `delay` of retry of a Delivery: did you mean `delayMs`?'),
      );
      await expect(first.retry({ delayMs: -1 })).rejects.toThrow(RangeError);
      await first.retry({ delayMs: 300, reason: 'busy' });
      const second = await queue.take();
      expect(second.value).toBe('b');
      await second.ack();
      const again = await queue.take();
      expect(Date.now() - began).toBeGreaterThanOrEqual(300);
      expect([again.value, again.attempts, again.lastReason]).toEqual(['a', 2, 'busy']);
      await again.ack();
    });
  });

  it('of a delay queue comes when it is due, whatever was put first', async () => {
    const queue = new DelayQueue<string>(await on.keeper(), freshLine());
    const began = Date.now();
    await queue.put('later', { delayMs: 250 });
    const taking = queue.take();
    await queue.put('sooner', { at: new Date(began + 100) });
    const first = await taking;
    expect([first.value, Date.now() - began >= 100]).toEqual(['sooner', true]);
    const second = await queue.take();
    expect([second.value, Date.now() - began >= 250]).toEqual(['later', true]);
    await Promise.all([first.ack(), second.ack()]);
  });

  it('is of an item that could not be read at once: nobody else could have it meanwhile', async () => {
    const { keeper, proxy } = await on.proxied({ retry: retryNTimes({ retries: 0, delayMs: 1 }) });
    const { queue: others } = await queueOf(['before', 'after']);
    const queue = new Queue<string>(keeper, others.path);
    await (await queue.take()).ack();
    const lost = proxy.loseReplyOnce({ op: wire.getData });
    const item = await queue.take();
    await lost;
    expect([item.value, item.attempts, item.state]).toEqual(['after', 1, 'held']);
    await item.ack();
    expect(await others.size()).toBe(0);
  });

  it('leaves an item that is too large for a consumer to others', async () => {
    const [narrow, wide] = await Promise.all([on.keeper({ maxFrameBytes: 8_192 }), on.keeper()]);
    const [queue, others] = [new Queue<string>(narrow, freshLine()), wide];
    const giveUp = new AbortController();
    const taking = queue.take({ signal: giveUp.signal });
    await untilNames(others, `${queue.path}-side/line`, 1);
    const refused = new Promise<void>((resolve) => narrow.on('backgroundError', () => resolve()));
    await new Queue<string>(others, queue.path).put('x'.repeat(10_000));
    await refused;
    const item = await new Queue<string>(others, queue.path).take();
    expect([item.value.length, item.attempts]).toEqual([10_000, 1]);
    giveUp.abort(new Error('enough'));
    await expect(taking).rejects.toThrow('enough');
    await item.ack();
    await untilEmpty(others, `${queue.path}-side/attempts`);
  });

  it('ends when the keeper is closed', async () => {
    const { queue, keeper } = await queueOf([]);
    const taking = queue.take();
    await untilNames(keeper, `${queue.path}-side/line`, 1);
    const rejection = expect(taking).rejects.toThrow('closed');
    await keeper.close();
    await rejection;
  });
});
