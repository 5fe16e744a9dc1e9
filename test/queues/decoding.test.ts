import { type Codec, Queue, ShardedQueue, textCodec } from '@zk-recipes/queues';
import { until } from '@zk-recipes/test-support';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { afterEach, expect, it, vi } from 'vitest';
import { isSettled, namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { freshLine, stage } from '../stage/stage.js';

/** The wall clock of this process, as the packages take it when they are imported; servers have one of their own. */
const wall = vi.hoisted(() => {
  const now = Date.now;
  const offset = { ms: 0 };
  Date.now = () => now() + offset.ms;
  return offset;
});

/** A codec that never settles what begins with `stuck`, and what begins with `slow` only when it is told to. */
class StuckCodec implements Codec<string> {
  readonly seen: string[] = [];
  readonly #slow: (() => void)[] = [];

  encode(value: string): Uint8Array {
    return textCodec.encode(value);
  }

  async decode(bytes: Uint8Array): Promise<string> {
    const value = await textCodec.decode(bytes);
    this.seen.push(value);
    if (value.startsWith('stuck')) await new Promise(() => {});
    if (value.startsWith('slow')) await new Promise<void>((resolve) => this.#slow.push(resolve));
    return value;
  }

  goOn(): void {
    for (const resolve of this.#slow.splice(0)) resolve();
  }
}

describeOnSharedServer('a payload whose decoding does not settle', { timeout: 30_000 }, () => {
  const on = stage();
  afterEach(() => {
    wall.ms = 0;
  });

  const stuckClaim = { operation: 'decoding an item', error: { message: 'expected `decode` to settle within 100 ms' } };

  it.each([
    { concurrency: 1, prefetch: 0 },
    { concurrency: 3, prefetch: 0 },
    { concurrency: 1, prefetch: 4 },
  ])('holds up no other item of process ($concurrency at once, $prefetch ahead)', async ({ concurrency, prefetch }) => {
    const keeper = await on.keeper();
    const codec = new StuckCodec();
    const queue = new Queue(keeper, freshLine(), { codec, decodeTimeoutMs: 100, maxAttempts: 3 });
    await queue.putAll(['a', 'stuck', 'b', 'c', 'd']);
    const stopping = new AbortController();
    const seen: string[] = [];
    await queue.process(
      ({ value }) => {
        seen.push(value);
        if (seen.length === 4) stopping.abort();
      },
      { signal: stopping.signal, concurrency, prefetch },
    );
    expect(seen).toEqual(['a', 'b', 'c', 'd']);
    await untilEmpty(keeper, `${queue.path}-side/claims`);
    expect(await queue.size()).toBe(1);
    expect(on.errors).toMatchObject([stuckClaim]);
  });

  it('is tried again after a minute, and put aside after maxAttempts', async () => {
    const keeper = await on.keeper();
    const codec = new StuckCodec();
    const queue = new Queue(keeper, freshLine(), { codec, decodeTimeoutMs: 100, maxAttempts: 1 });
    await queue.putAll(['stuck', 'a']);
    const deliveries = queue.consume();
    const first = await deliveries.next();
    expect(first.value?.value).toBe('a');
    await first.value?.ack();
    expect(await queue.deadLetters()).toEqual([]);
    wall.ms = 61_000;
    const next = deliveries.next();
    await until(async () => ((await queue.size()) === 0 ? true : undefined), { what: 'the item to be put aside' });
    await deliveries.return?.();
    await next;
    expect(codec.seen).toEqual(['stuck', 'a', 'stuck']);
    expect(await queue.deadLetters()).toMatchObject([
      { reason: 'gave up after 1 attempts: expected `decode` to settle within 100 ms', value: undefined },
    ]);
  });

  it.each([0, 4])('does not hold up the end of process, with %i claimed ahead', async (prefetch) => {
    const keeper = await on.keeper();
    const codec = new StuckCodec();
    const queue = new Queue(keeper, freshLine(), { codec, maxAttempts: 3 });
    await queue.putAll(['stuck', 'a', 'b']);
    const stopping = new AbortController();
    const processing = queue.process(() => {}, { signal: stopping.signal, prefetch });
    await until(() => (codec.seen.includes('stuck') ? true : undefined), { what: 'the decoding', everyMs: 2 });
    stopping.abort();
    const beganMs = performance.now();
    await processing;
    expect(performance.now() - beganMs).toBeLessThan(1_000);
    expect(await namesIn(keeper, `${queue.path}-side/claims`)).toEqual([]);
    expect(on.errors).toEqual([]);
    // No handler has begun: that was no attempt.
    const plain = new Queue(keeper, queue.path, { codec: textCodec });
    const attempts: number[] = [];
    for (let left = await plain.size(); left > 0; left--) {
      const delivery = await plain.take();
      attempts.push(delivery.attempts);
      await delivery.ack();
    }
    expect(attempts).toEqual([1, 1, 1]);
  });

  it('does not hold up a take or a loop that is given up', async () => {
    const keeper = await on.keeper();
    const codec = new StuckCodec();
    const queue = new Queue(keeper, freshLine(), { codec });
    await queue.put('stuck');
    for (const ask of [queue.take.bind(queue), async (options: object) => await queue.consume(options).next()]) {
      const stopping = new AbortController();
      const asking = ask({ signal: stopping.signal });
      asking.catch(() => {});
      await untilNames(keeper, `${queue.path}-side/claims`, 1);
      const reason = new Error('enough');
      stopping.abort(reason);
      const beganMs = performance.now();
      await expect(asking).rejects.toBe(reason);
      expect(performance.now() - beganMs).toBeLessThan(1_000);
      await untilEmpty(keeper, `${queue.path}-side/claims`);
    }
    expect(on.errors).toEqual([]);
  });

  it('is passed over by peek, which a signal ends', async () => {
    const keeper = await on.keeper();
    const codec = new StuckCodec();
    const path = freshLine();
    await new Queue(keeper, path, { codec }).putAll(['stuck', 'a']);
    expect(await new Queue(keeper, path, { codec, decodeTimeoutMs: 100 }).peek()).toBe('a');
    const stopping = new AbortController();
    const peeking = new Queue(keeper, path, { codec }).peek({ signal: stopping.signal });
    await until(() => (codec.seen.length === 3 ? true : undefined), { what: 'the decoding', everyMs: 2 });
    const reason = new Error('enough');
    stopping.abort(reason);
    await expect(peeking).rejects.toBe(reason);
  });

  it('loses its turn after a second: others are handed out, and it is when it has settled', async () => {
    const keeper = await on.keeper();
    const codec = new StuckCodec();
    const queue = new Queue(keeper, freshLine(), { codec });
    await queue.putAll(['slow', 'a', 'b', 'c']);
    const stopping = new AbortController();
    const seen: string[] = [];
    const beganMs = performance.now();
    const processing = queue.process(({ value }) => void seen.push(value), { signal: stopping.signal, concurrency: 2 });
    await until(() => (codec.seen.length >= 2 ? true : undefined), { what: 'two decodings', everyMs: 2 });
    // Within the second the order is kept.
    expect(await isSettled(processing)).toBe(false);
    if (performance.now() - beganMs < 900) expect(seen).toEqual([]);
    await until(() => (seen.length === 3 ? true : undefined), { what: 'the others to be handed out', everyMs: 5 });
    expect(seen).toEqual(['a', 'b', 'c']);
    codec.goOn();
    await until(() => (seen.length === 4 ? true : undefined), { what: 'the slow one', everyMs: 5 });
    stopping.abort();
    await processing;
    expect(await queue.size()).toBe(0);
    expect(on.errors).toEqual([]);
  });

  it('of a shard is left alone likewise; the limit is a number of milliseconds', async () => {
    const keeper = await on.keeper();
    const codec = new StuckCodec();
    const queue = new ShardedQueue(keeper, freshLine(), { codec, decodeTimeoutMs: 100, shards: 2 });
    await queue.putAll(['stuck', 'a']);
    const delivery = await queue.take();
    expect(delivery.value).toBe('a');
    await delivery.ack();
    expect(on.errors).toMatchObject([stuckClaim]);
    for (const decodeTimeoutMs of [0, -1, 2 ** 31, Number.POSITIVE_INFINITY, '5' as unknown as number]) {
      expect(() => new Queue(keeper, freshLine(), { decodeTimeoutMs })).toThrow('decodeTimeoutMs');
    }
  });

  it('and whatever else a decode does, makes a dead letter with a reason', async () => {
    const keeper = await on.keeper();
    const thrown: unknown[] = [null, Object.create(null), { message: 5 }, 'text'];
    const codec: Codec<string> = {
      encode: (value) => textCodec.encode(value),
      decode: async (bytes) => {
        const value = await textCodec.decode(bytes);
        if (value === 'good') return value;
        throw thrown[Number(value)];
      },
    };
    const queue = new Queue(keeper, freshLine(), { codec });
    await queue.putAll(['0', '1', '2', '3', 'good']);
    expect((await queue.take()).value).toBe('good');
    const reasons = (await queue.deadLetters()).map(({ reason }) => reason);
    expect(reasons).toEqual([
      'cannot be decoded: null',
      expect.stringMatching(/^cannot be decoded: ./),
      'cannot be decoded: 5',
      'cannot be decoded: text',
    ]);
    expect(on.errors).toEqual([]);
  });
});
