import { type Keeper, NoNodeError } from '@zk-recipes/core';
import { jsonCodec, PriorityQueue, Queue, textCodec } from '@zk-recipes/queues';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { namesIn, untilEmpty } from '../stage/lines.js';
import { freshLine, stage } from '../stage/stage.js';

/** The framing of Curator: version, items with their lengths, end. */
function framed(...payloads: readonly string[]): Buffer {
  const items = payloads.map((payload) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(Buffer.byteLength(payload));
    return Buffer.concat([Buffer.of(1), length, Buffer.from(payload)]);
  });
  return Buffer.concat([Buffer.of(0, 1, 0, 1), ...items, Buffer.of(2)]);
}

describeOnSharedServer('dead letters', () => {
  const on = stage();

  /** Puts an item as another client might, in whatever way. */
  async function putBytes(keeper: Keeper, path: string, data: Uint8Array): Promise<void> {
    const create = keeper.create().creatingParents().withMode('PERSISTENT_SEQUENTIAL');
    await create.forPath(`${path}/queue-`, data);
  }

  it('take what was handed out too often, with its reason, its attempts and its bytes', async () => {
    const keeper = await on.keeper();
    const queue = new PriorityQueue<string>(keeper, freshLine(), { maxAttempts: 2 });
    await queue.put('job', { priority: 5 });
    const first = await queue.take();
    await first.retry({ reason: 'first' });
    const second = await queue.take();
    await second.retry({ reason: 'second' });
    expect(await queue.size()).toBe(0);
    const [letter, ...others] = await queue.deadLetters();
    expect(others).toEqual([]);
    expect(letter).toMatchObject({
      reason: 'gave up after 2 attempts: second',
      attempts: 2,
      data: framed('"job"'),
      value: 'job',
    });
    expect(letter?.path).toBe(`${queue.path}-dead-letters/${first.path.slice(queue.path.length + 1)}`);
    await queue.revive(letter as NonNullable<typeof letter>);
    const revived = await queue.take();
    expect([revived.value, revived.priority, revived.attempts]).toEqual(['job', 5, 1]);
    await revived.ack();
    expect(await queue.deadLetters()).toEqual([]);
    await expect(queue.revive(letter as NonNullable<typeof letter>)).rejects.toBeInstanceOf(NoNodeError);
    await untilEmpty(keeper, `${queue.path}-side/attempts`);
  });

  it('are counted over crashes, too', async () => {
    const path = freshLine();
    const observer = await on.keeper();
    await new Queue<string>(observer, path).put('poison');
    for (const attempt of [1, 2]) {
      const doomed = await on.keeper();
      const delivery = await new Queue<string>(doomed, path, { maxAttempts: 2 }).take();
      expect(delivery.attempts).toBe(attempt);
      await doomed.close();
    }
    const queue = new Queue<string>(observer, path, { maxAttempts: 2 });
    await queue.put('good');
    const next = await queue.take();
    expect(next.value).toBe('good');
    await next.ack();
    expect(await queue.deadLetters()).toMatchObject([{ reason: 'gave up after 2 attempts', attempts: 2 }]);
  });

  it('take what nobody can read, and the queue goes on', async () => {
    const keeper = await on.keeper();
    const schema = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: async (value: unknown) =>
          typeof value === 'number' ? { value } : { issues: [{ message: 'no number', path: ['job', { key: 0 }] }] },
      },
    };
    const queue = new Queue<number>(keeper, freshLine(), { codec: jsonCodec(schema), deadLetterPath: freshLine() });
    const bytes = [Buffer.from('garbage'), framed('{'), framed('"text"'), Buffer.alloc(0), framed(), framed('1')];
    for (const data of bytes) await putBytes(keeper, queue.path, data);
    await keeper.create().forPath(`${queue.path}/foreign`, 'left alone');
    const delivery = await queue.take();
    expect(delivery.value).toBe(1);
    await delivery.ack();
    const letters = await queue.deadLetters();
    expect(letters.map(({ data }) => data)).toEqual(bytes.slice(0, 4));
    // What this codec cannot decode another one may.
    expect(letters.map(({ value }) => value)).toEqual([undefined, undefined, undefined, undefined]);
    const lenient = new Queue(keeper, queue.path, {
      deadLetterPath: `/${letters[0]?.path.split('/')[1]}`,
      codec: textCodec,
    });
    expect((await lenient.deadLetters()).map(({ value }) => value)).toEqual([undefined, '{', '"text"', undefined]);
    expect(letters.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^not framed as an item: expected version 0x00010001, got 0x67617262/),
      expect.stringMatching(/^cannot be decoded: /),
      'cannot be decoded: the payload does not match its schema: job.0: no number',
      expect.stringMatching(/^not framed as an item: expected a version of 4 bytes at byte 0/),
    ]);
    // An item that holds nothing is done.
    expect(await namesIn(keeper, queue.path)).toEqual(['foreign']);
    expect(on.errors).toEqual([]);
  });

  it('do not replace each other where numbers began anew', async () => {
    const keeper = await on.keeper();
    const path = freshLine();
    for (const value of ['first', 'second', 'third']) {
      await new Queue<string>(keeper, path).put(value);
      await (await new Queue<string>(keeper, path).take()).reject(value);
      await keeper.delete().forPath(path);
    }
    const letters = await new Queue<string>(keeper, path).deadLetters();
    expect(letters.map(({ reason }) => reason)).toEqual(['first', 'second', 'third']);
  });

  it('may be refused by the server: then the item is left alone for a while, and the others are handed out', async () => {
    const keeper = await on.keeper();
    const path = freshLine();
    const deadLetterPath = freshLine();
    // An ephemeral has no children.
    await keeper.create().withMode('EPHEMERAL').creatingParents().forPath(deadLetterPath);
    const queue = new Queue<string>(keeper, path, { deadLetterPath });
    await putBytes(keeper, path, Buffer.from('garbage'));
    await queue.put('good');
    const delivery = await queue.take();
    expect(delivery.value).toBe('good');
    await expect(delivery.reject('no good')).rejects.toThrow();
    expect(delivery.state).toBe('held');
    await delivery.ack();
    expect(await queue.size()).toBe(1);
    expect(on.errors.map(({ operation }) => operation)).toEqual(['putting an item aside']);
  });

  it('are the items of a znode of several, one by one', async () => {
    const keeper = await on.keeper();
    const queue = new Queue<string>(keeper, freshLine());
    const many = Array.from({ length: 250 }, (_, index) => `${index}`);
    await putBytes(keeper, queue.path, framed(...many.map((value) => JSON.stringify(value))));
    await queue.put('after');
    const seen: string[] = [];
    for await (const delivery of queue.consume()) {
      seen.push(delivery.value);
      if (delivery.value === '100' && delivery.attempts === 1) await delivery.retry();
      else if (delivery.value === '200') await delivery.reject('the one');
      else await delivery.ack();
      if (delivery.value === 'after') break;
    }
    expect(seen).toEqual([...many.slice(0, 101), ...many.slice(100), 'after']);
    expect(await queue.deadLetters()).toMatchObject([{ reason: 'the one', data: framed('"200"') }]);
    expect(await queue.size()).toBe(0);
  });
});
