import { Keeper, retryNTimes } from '@zk-recipes/core';
import { type Delivery, Queue } from '@zk-recipes/queues';
import { TestServer } from '@zk-recipes/test-server';
import { until } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isSettled, untilEmpty } from '../stage/lines.js';

const PATH = '/jobs';

/** How often a request of these keepers is sent before it is given up, so that what comes after that is what a recipe does. */
const RETRIES = 3;

describeOnOwnServers(
  'queues on a server that throttles for longer than requests are repeated',
  { timeout: 30_000 },
  () => {
    let server: TestServer;
    let keeper: Keeper;
    let other: Keeper;
    let operations: string[];

    beforeEach(async () => {
      server = await TestServer.start();
      const { connectString } = server;
      keeper = await Keeper.connect({ connectString, retry: retryNTimes({ retries: RETRIES, delayMs: 5 }) });
      other = await Keeper.connect({ connectString });
      operations = [];
      keeper.on('backgroundError', ({ operation }) => operations.push(operation));
    });
    afterEach(async () => {
      await Promise.all([keeper.close(), other.close()]);
      await server.stop();
    });

    /** Throttles all that a keeper sends, until it has sent so many requests. */
    async function throttleFor(count: number): Promise<void> {
      const { sessionId } = keeper;
      let seen = 0;
      server.faults.throttle({ sessionId });
      server.faults.onRequest((request) => {
        if (request.sessionId === sessionId && request.operation !== 'ping') seen += 1;
      });
      await until(() => (seen >= count ? true : undefined), { what: `${count} refused requests`, everyMs: 2 });
      server.faults.clear();
    }

    it('process goes on, whatever it was about to do', async () => {
      const queue = new Queue<string>(keeper, PATH);
      const filled = new Queue<string>(other, PATH);
      const stopping = new AbortController();
      const seen: string[] = [];
      const processing = queue.process(
        ({ value }) => {
          seen.push(value);
          if (value === 'last') stopping.abort();
        },
        { signal: stopping.signal },
      );
      // Before it has seen the queue.
      await throttleFor(5 * RETRIES);
      await filled.put('a');
      await until(() => (seen.length === 1 ? true : undefined), { what: 'the first item', everyMs: 2 });
      // When it is about to claim.
      server.faults.throttle({ sessionId: keeper.sessionId });
      await filled.put('b');
      await throttleFor(2 * RETRIES);
      await until(() => (seen.length === 2 ? true : undefined), { what: 'the second item', everyMs: 2 });
      expect(await isSettled(processing)).toBe(false);
      await filled.put('last');
      await processing;
      expect(seen).toEqual(['a', 'b', 'last']);
      expect(await filled.size()).toBe(0);
    });

    it('take hears of what is put while the server refuses its watch, after it has listed', async () => {
      // Longer than it takes to list, and to put.
      const retry = retryNTimes({ retries: 5, delayMs: 1_000 });
      await using busy = await Keeper.connect({ connectString: server.connectString, retry });
      await new Queue<string>(other, PATH).put('first');
      await (await new Queue<string>(other, PATH).take()).ack();
      const refused = server.faults.throttleOnce({ op: 'addWatch', sessionId: busy.sessionId });
      const taking = new Queue<string>(busy, PATH).take();
      await refused;
      await busy.sync().forPath('/');
      await new Queue<string>(other, PATH).put('second');
      expect((await taking).value).toBe('second');
    });

    it('consume and take go on, too', async () => {
      const taking = new Queue<string>(keeper, PATH).take();
      await throttleFor(5 * RETRIES);
      await new Queue<string>(other, PATH).putAll(['a', 'b']);
      await (await taking).ack();
      const deliveries = new Queue<string>(keeper, PATH).consume();
      const next = deliveries.next();
      next.catch(() => {});
      await throttleFor(5 * RETRIES);
      expect((await next).value?.value).toBe('b');
      await deliveries.return?.();
    });

    const verbs: Readonly<Record<string, (delivery: Delivery<string>) => Promise<void>>> = {
      ack: (delivery) => delivery.ack(),
      retry: (delivery) => delivery.retry({ reason: 'not now' }),
      reject: (delivery) => delivery.reject('never'),
    };

    describe.each(Object.keys(verbs))('%s', (verb) => {
      it('is executed once the server lets it pass', async () => {
        const queue = new Queue<string>(keeper, PATH);
        await queue.put('a');
        const delivery = await queue.take();
        const settling = (verbs[verb] as (one: Delivery<string>) => Promise<void>)(delivery);
        await throttleFor(3 * RETRIES);
        await settling;
        expect(delivery.state).toBe('settled');
        await untilEmpty(other, `${PATH}-side/claims`);
        expect(await queue.size()).toBe(verb === 'retry' ? 1 : 0);
        expect((await queue.deadLetters()).length).toBe(verb === 'reject' ? 1 : 0);
        expect(operations).toEqual([]);
      });

      it('is executed once if its reply is lost, and what tells of that is throttled', async () => {
        const queue = new Queue<string>(keeper, PATH);
        await queue.put('a');
        const delivery = await queue.take();
        const lost = server.faults.dropReplyOnce({ sessionId: keeper.sessionId, op: 'multi' });
        const settling = (verbs[verb] as (one: Delivery<string>) => Promise<void>)(delivery);
        await lost;
        await throttleFor(3 * RETRIES);
        await settling;
        expect(delivery.state).toBe('settled');
        expect(await queue.size()).toBe(verb === 'retry' ? 1 : 0);
        expect(operations).toEqual([]);
      });
    });
  },
);
