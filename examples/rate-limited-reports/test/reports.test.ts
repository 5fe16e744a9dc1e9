import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Keeper } from '@zk-recipes/core';
import { until } from '@zk-recipes/test-support';
import { describeOnSharedServer, freshPath, sharedServer } from '@zk-recipes/test-support/vitest';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createHttpServer } from '../src/service/http-server.js';
import { Reports } from '../src/service/reports.js';

/** Reports that are being made, over both services, and how to finish the one that was begun first. */
class Desk {
  most = 0;
  readonly #finish: (() => void)[] = [];
  #making = 0;

  readonly make = async (name: string, signal: AbortSignal): Promise<string> => {
    this.#making += 1;
    this.most = Math.max(this.most, this.#making);
    await new Promise<void>((resolve) => {
      this.#finish.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    this.#making -= 1;
    signal.throwIfAborted();
    return `${name}, made`;
  };

  /** Finishes the one that was begun first. */
  finish(): void {
    this.#finish.shift()?.();
  }

  untilMaking(count: number): Promise<true> {
    return until(() => this.#making === count || undefined, { what: `${count} reports to be made` });
  }
}

describeOnSharedServer('the report service, of two processes, for two reports at a time', () => {
  let namespace: string;
  let desk: Desk;
  let keepers: Keeper[];
  let servers: Server[];
  let one: string;
  let other: string;

  beforeEach(async () => {
    namespace = freshPath('reports').slice(1);
    desk = new Desk();
    const { connectString } = sharedServer();
    keepers = await Promise.all([0, 1].map(() => Keeper.connect({ connectString, namespace })));
    servers = keepers.map((keeper, index) => createHttpServer(new Reports(keeper, `reports-${index}`, 2, desk.make)));
    for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening');
    [one, other] = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`) as [
      string,
      string,
    ];
  });

  afterEach(async () => {
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
    const [first] = keepers as [Keeper, Keeper];
    await first.usingNamespace('').delete().deletingChildren().quietly().forPath(`/${namespace}`);
    for (const keeper of keepers) await keeper.close();
  });

  const order = (url: string, name: string, signal?: AbortSignal) =>
    fetch(`${url}/reports/${name}?wait`, { method: 'POST', ...(signal ? { signal } : {}) });
  const status = async () => (await (await fetch(`${one}/status`)).json()) as { making: string[]; waiting: number };
  const untilWaiting = (count: number) =>
    until(async () => (await status()).waiting === count || undefined, { what: `${count} to wait` });
  /** What is answered, filled in as it comes. */
  const lines = (ordered: Promise<Response>): unknown[] => {
    const found: unknown[] = [];
    void ordered.then(async ({ body }) => {
      let rest = '';
      for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
        const complete = (rest + Buffer.from(chunk).toString('utf8')).split('\n');
        rest = complete.pop() ?? '';
        found.push(...complete.map((text) => JSON.parse(text)));
      }
    });
    return found;
  };

  it('sends a third away, if it does not want to wait', async () => {
    const made = [lines(order(one, 'a')), lines(order(other, 'b'))];
    await desk.untilMaking(2);
    expect(new Set((await status()).making)).toEqual(new Set(['reports-0', 'reports-1']));
    const third = await fetch(`${other}/reports/c`, { method: 'POST' });
    expect([third.status, third.headers.get('retry-after'), await third.json()]).toEqual([
      429,
      '5',
      { error: 'busy, try later' },
    ]);
    desk.finish();
    desk.finish();
    // Before it one of them may have been told of the other, who came at the same moment.
    await until(() => made.every((told) => JSON.stringify(told.at(-1)).includes('made')) || undefined, {
      what: 'both',
    });
  });

  it('tells those who wait their position, and serves them in their order', async () => {
    const made = [order(one, 'a'), order(other, 'b')];
    await desk.untilMaking(2);
    const third = lines(order(one, 'c'));
    await until(() => third.length === 1 || undefined, { what: 'the third to wait' });
    const fourth = lines(order(other, 'd'));
    await until(() => fourth.length === 1 || undefined, { what: 'the fourth to wait' });
    desk.finish();
    await until(() => fourth.length === 2 || undefined, { what: 'the fourth to move up' });
    for (let report = 0; report < 3; report++) desk.finish();
    await until(() => third.length === 2 || undefined, { what: 'the third' });
    await desk.untilMaking(1);
    desk.finish();
    await until(() => fourth.length === 3 || undefined, { what: 'the fourth' });
    await Promise.all(made);
    expect(third).toEqual([{ position: 1 }, { report: 'c, made' }]);
    expect(fourth).toEqual([{ position: 2 }, { position: 1 }, { report: 'd, made' }]);
    expect(desk.most).toBe(2);
  });

  it('makes more at a time when the limit is raised, in all processes', async () => {
    const made = ['a', 'b', 'c'].map((name) => order(one, name));
    await desk.untilMaking(2);
    await untilWaiting(1);
    const raised = await fetch(`${other}/limit/3`, { method: 'PUT' });
    expect(await raised.json()).toEqual({ limit: 3 });
    await desk.untilMaking(3);
    for (const _ of made) desk.finish();
    expect((await Promise.all(made)).map((response) => response.status)).toEqual([200, 200, 200]);
  });

  it('forgets who hangs up: in the line, and with a lease', async () => {
    const [waiter, holder] = [new AbortController(), new AbortController()];
    const outcome = (ordered: Promise<Response>) =>
      ordered
        .then((response) => response.text())
        .then(
          () => 'answered',
          () => 'hung up',
        );
    const outcomes = [outcome(order(one, 'a', holder.signal)), outcome(order(other, 'b'))];
    await desk.untilMaking(2);
    outcomes.push(outcome(order(one, 'c', waiter.signal)));
    await untilWaiting(1);
    waiter.abort();
    await untilWaiting(0);
    holder.abort();
    await desk.untilMaking(1);
    await until(async () => (await status()).making.length === 1 || undefined, { what: 'the lease to come back' });
    desk.finish();
    desk.finish();
    expect(await Promise.all(outcomes)).toEqual(['hung up', 'answered', 'hung up']);
  });
});
