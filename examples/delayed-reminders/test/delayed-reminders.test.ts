import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Keeper } from '@zk-recipes/core';
import { PeerProcess, until } from '@zk-recipes/test-support';
import { describeOnSharedServer, freshPath, sharedServer } from '@zk-recipes/test-support/vitest';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Reminders } from '../src/reminders.js';

const example = fileURLToPath(new URL('..', import.meta.url));
const compiler = fileURLToPath(new URL('../../../node_modules/typescript/bin/tsc', import.meta.url));

/** Somebody who receives reminders, and may be told to fail. */
class Receiver {
  readonly received: { readonly id: string; readonly atMs: number }[] = [];
  /** How to answer those of an id, once each: with a status, or not at all. */
  readonly failures = new Map<string, number | 'never'>();
  readonly server: Server = createServer((request, response) => this.#answer(request, response));

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  has(id: string, times = 1): Promise<true> {
    const count = (): number => this.received.filter((one) => one.id === id).length;
    return until(() => count() === times || undefined, { what: `${id} to be received ${times} times` });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const id = String(request.headers['idempotency-key']);
    this.received.push({ id, atMs: Date.now() });
    const failure = this.failures.get(id);
    this.failures.delete(id);
    if (failure !== 'never') response.writeHead(failure ?? 204).end();
  }
}

// Its processes run what is compiled.
beforeAll(() => promisify(execFile)(process.execPath, [compiler, '-b', example]));

describeOnSharedServer('delayed reminders', () => {
  let keeper: Keeper;
  let namespace: string;
  let reminders: Reminders;
  let receiver: Receiver;
  const dueAtMs = new Map<string, number>();
  const afterwards: (() => unknown)[] = [];

  beforeEach(async () => {
    namespace = freshPath('reminders').slice(1);
    keeper = await Keeper.connect({ connectString: sharedServer().connectString, namespace });
    reminders = new Reminders(keeper);
    receiver = new Receiver();
    await once(receiver.server.listen(0, '127.0.0.1'), 'listening');
    dueAtMs.clear();
  });

  afterEach(async () => {
    for (const undo of afterwards.splice(0).reverse()) await undo();
    receiver.server.close();
    receiver.server.closeAllConnections();
    await keeper.usingNamespace('').delete().deletingChildren().quietly().forPath(`/${namespace}`);
    await keeper.close();
  });

  const settings = () => ({
    ...{ ZOOKEEPER_CONNECT: sharedServer().connectString, NAMESPACE: namespace, SESSION_TIMEOUT_MS: 4_000 },
    ...{ WEBHOOK_URL: receiver.url, RETRY_MS: 100 },
  });
  const assignments = () => Object.entries(settings()).map(([name, value]) => `${name}=${value}`);
  const program = (name: string) => fileURLToPath(new URL(`../dist/${name}/main.js`, import.meta.url));

  async function startSender(): Promise<PeerProcess> {
    const peer = await PeerProcess.run('env', [...assignments(), process.execPath, program('sender')]);
    afterwards.push(() => peer.kill());
    return peer;
  }

  async function schedule(id: string, delayMs: number): Promise<void> {
    const at = new Date(Date.now() + delayMs);
    dueAtMs.set(id, at.getTime());
    await reminders.schedule({ id, to: 'anna@example.org', text: `It is time: ${id}` }, at);
  }

  const untilEmpty = () =>
    until(async () => (await reminders.queue.size()) === 0 || undefined, { what: 'all to be done with' });

  it('are sent when they are due, and not before, also when the sender is killed and started again', {
    timeout: 60_000,
  }, async () => {
    receiver.failures.set('unanswered', 'never').set('refused', 503);
    const ids = ['early', 'refused', 'unanswered', 'missed', 'late', 'later'];
    for (const [index, id] of ids.entries()) await schedule(id, 600 + 300 * index);
    await schedule('cancelled', 900);
    expect(await reminders.cancel('cancelled')).toBe(true);

    const first = await startSender();
    await first.receive({ event: 'sent', id: 'early' });
    await first.receive({ event: 'sent', id: 'refused' });
    await receiver.has('unanswered');
    await first.kill();
    const states = await Promise.all(ids.map(async (id) => [id, (await reminders.state(id))?.state] as const));
    const underWay = states.flatMap(([id, state]) => (state === 'sending' ? [id] : []));
    expect(underWay).toContain('unanswered');
    expect(await reminders.cancel('unanswered')).toBe(false);
    // Nobody is there when it is due.
    await delay(Math.max(0, (dueAtMs.get('missed') as number) - Date.now()));

    const second = await startSender();
    await second.receive({ event: 'sent', id: 'unanswered', attempts: 2 });
    await second.receive({ event: 'sent', id: 'later' });
    await untilEmpty();
    const { pid } = await second.receive({ event: 'started' });
    process.kill(pid as number, 'SIGTERM');
    expect(await second.exited).toBe(0);

    expect([...new Set(receiver.received.map(({ id }) => id))].sort()).toEqual([...ids].sort());
    for (const { id, atMs } of receiver.received) expect(atMs, id).toBeGreaterThanOrEqual(dueAtMs.get(id) as number);
    for (const id of ids) {
      const times = receiver.received.filter((one) => one.id === id).length;
      const least = id === 'refused' || id === 'unanswered' ? 2 : 1;
      // A slow machine may have had more under way when it was killed.
      const isSure = id === 'unanswered' || !underWay.includes(id);
      expect(isSure ? times : Math.min(times, least), id).toBe(least);
      expect((await reminders.state(id))?.state, id).toBe('sent');
    }
    expect((await reminders.state('cancelled'))?.state).toBe('cancelled');
    expect(await reminders.queue.deadLetters()).toEqual([]);
  });

  it('are sent once if they are scheduled twice, and cannot be cancelled then', { timeout: 60_000 }, async () => {
    await schedule('twice', 0);
    await schedule('twice', 0);
    const sender = await startSender();
    await sender.receive({ event: 'sent', id: 'twice' });
    await sender.receive({ event: 'was sent', id: 'twice' });
    await untilEmpty();
    expect(receiver.received.map(({ id }) => id)).toEqual(['twice']);
    expect(await reminders.cancel('twice')).toBe(false);
  });

  it('are not sent by a process that has lost them', async () => {
    await schedule('lost', 0);
    const delivery = await reminders.queue.take();
    const sent: string[] = [];
    const deliver = reminders.deliver(delivery, async ({ id }) => {
      sent.push(id);
      // By hand, as an operator might; else it is the end of a session that does so.
      await keeper.delete().forPath(`/reminders/due-side/claims/${delivery.path.split('/').at(-1)}`);
    });
    await expect(deliver).rejects.toThrow();
    expect((await reminders.state('lost'))?.state).toBe('sending');
    const again = await reminders.queue.take();
    expect(await reminders.deliver(again, async ({ id }) => void sent.push(`${id} again`))).toBe('sent');
    await again.ack();
    expect(sent).toEqual(['lost', 'lost again']);
  });

  it('can be scheduled and cancelled from the shell', { timeout: 60_000 }, async () => {
    const desk = async (...args: string[]): Promise<string> => {
      const { stdout } = await promisify(execFile)('env', [
        ...assignments(),
        process.execPath,
        program('desk'),
        ...args,
      ]);
      return stdout.trim();
    };
    expect(await desk('schedule', 'lunch', '3600', 'anna@example.org', 'Lunch')).toMatch(/^scheduled for 2/);
    expect(await desk('state', 'lunch')).toBe('scheduled');
    expect(await desk('cancel', 'lunch')).toBe('cancelled');
    expect(await desk('cancel', 'dinner')).toBe('not cancelled');
    await expect(desk('schedule', 'lunch', 'soon', 'anna@example.org', 'Lunch')).rejects.toThrow('Expected: schedule');
  });
});
