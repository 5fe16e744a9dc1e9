import { Queue, SimpleQueue, textCodec } from '@zk-recipes/queues';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { isSettled, untilEmpty, untilNames } from '../stage/lines.js';
import { QueueProcess } from '../stage/queue-process.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';

const sessionTimeoutMs = 1_000;

describeOnOwnServers('A process that takes from a queue and is killed', { timeout: 30_000 }, () => {
  const server = ownServer({ tickTimeMs: 100 });
  const on = stage(() => server().connectString);

  it('at its work: the item is handed out again, and the attempt counts', async () => {
    const keeper = await on.keeper({ sessionTimeoutMs });
    const path = freshLine();
    const killed = await QueueProcess.start(on.server, path, sessionTimeoutMs, 'queue');
    on.afterwards(() => killed.kill());
    const queue = new Queue<string>(keeper, path, { codec: textCodec });
    await queue.put('a');
    await killed.receive({ event: 'taken', value: 'a' });
    const taking = queue.take();
    await untilNames(keeper, `${path}-side/line`, 1);
    expect(await isSettled(taking)).toBe(false);
    await killed.kill();
    const again = await taking;
    expect([again.value, again.attempts]).toEqual(['a', 2]);
    await again.ack();
    for (const place of ['', '-side/claims', '-side/attempts', '-side/line'])
      await untilEmpty(keeper, `${path}${place}`);
    expect(on.errors).toEqual([]);
  });

  it('with others claimed ahead: they count one attempt, however often what it works on brings a process down', async () => {
    const keeper = await on.keeper({ sessionTimeoutMs });
    const path = freshLine();
    const queue = new Queue<string>(keeper, path, { codec: textCodec });
    await queue.putAll(['bad', 'b', 'c', 'd', 'e']);
    for (const [attempts, claims] of [
      [1, 4],
      [2, 1],
      [3, 1],
    ] as const) {
      const killed = await QueueProcess.start(on.server, path, sessionTimeoutMs, 'ahead');
      on.afterwards(() => killed.kill());
      await killed.receive({ event: 'taken', value: 'bad', attempts });
      await untilNames(keeper, `${path}-side/claims`, claims);
      await killed.kill();
      await untilEmpty(keeper, `${path}-side/claims`);
    }
    const seen: string[] = [];
    for await (const delivery of queue.consume()) {
      seen.push(`${delivery.value} ${delivery.attempts}`);
      await delivery.ack();
      if (seen.length === 5) break;
    }
    expect(seen).toEqual(['bad 4', 'b 2', 'c 2', 'd 2', 'e 1']);
    expect(on.errors).toEqual([]);
  });

  it('in the line of takers of a simple queue: the next one in line is served', async () => {
    const keeper = await on.keeper({ sessionTimeoutMs });
    const path = freshLine();
    const killed = await QueueProcess.start(on.server, path, sessionTimeoutMs, 'simple');
    on.afterwards(() => killed.kill());
    await untilNames(keeper, `${path}-side/takers`, 1);
    const queue = new SimpleQueue(keeper, path);
    await queue.offer(Buffer.from('for the first'));
    await killed.receive({ event: 'taken', value: 'for the first' });
    await untilNames(keeper, `${path}-side/takers`, 1);
    const taking = queue.take();
    await untilNames(keeper, `${path}-side/takers`, 2);
    await killed.kill();
    await queue.offer(Buffer.from('for the second'));
    expect(String(await taking)).toBe('for the second');
    await untilEmpty(keeper, `${path}-side/takers`);
    expect(on.errors).toEqual([]);
  });
});
