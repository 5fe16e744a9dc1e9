import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { HoldLostError, Keeper } from '@zk-recipes/core';
import { PeerProcess, until } from '@zk-recipes/test-support';
import { describeOnSharedServer, freshPath, sharedServer } from '@zk-recipes/test-support/vitest';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { readRecord, runOnce } from '../src/run-once.js';

const example = fileURLToPath(new URL('..', import.meta.url));
const compiler = fileURLToPath(new URL('../../../node_modules/typescript/bin/tsc', import.meta.url));
const job = 'nightly-report';

interface Told {
  readonly id: string;
  readonly event: string;
  readonly slot: string;
}

// Its processes run what is compiled.
beforeAll(() => promisify(execFile)(process.execPath, [compiler, '-b', example]));

describeOnSharedServer('the cron job', () => {
  let keeper: Keeper;
  let namespace: string;
  const afterwards: (() => unknown)[] = [];

  beforeEach(async () => {
    namespace = freshPath('cron').slice(1);
    keeper = await Keeper.connect({ connectString: sharedServer().connectString, namespace });
  });

  afterEach(async () => {
    for (const undo of afterwards.splice(0).reverse()) await undo();
    await keeper.usingNamespace('').delete().deletingChildren().quietly().forPath(`/${namespace}`);
    await keeper.close();
  });

  async function start(id: string, told: Told[]): Promise<PeerProcess> {
    const settings = {
      ZOOKEEPER_CONNECT: sharedServer().connectString,
      SERVICE_NAMESPACE: namespace,
      SERVICE_NAME: id,
      SESSION_TIMEOUT_MS: 2_000,
      EVERY_MS: 1_000,
      WORK_MS: 500,
    };
    const assignments = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    const program = fileURLToPath(new URL('../dist/cron/main.js', import.meta.url));
    const peer = await PeerProcess.run('env', [...assignments, process.execPath, program]);
    afterwards.push(() => peer.kill());
    peer.onMessage((message) => told.push(message as unknown as Told));
    await peer.receive({ event: 'started' });
    return peer;
  }

  it('is completed once a slot, also when its process is killed in the middle of one', {
    timeout: 60_000,
  }, async () => {
    const told: Told[] = [];
    const ids = ['cron-1', 'cron-2', 'cron-3'];
    const peers = new Map<string, PeerProcess>();
    for (const id of ids) peers.set(id, await start(id, told));
    const find = (event: string, wanted: (message: Told) => boolean = () => true) =>
      told.find((message) => message.event === event && wanted(message));

    await until(() => find('completed'), { what: 'a slot to be completed' });
    const seen = told.length;
    const killed = await until(() => told.slice(seen).find(({ event }) => event === 'begun'), {
      what: 'a slot to begin',
    });
    await peers.get(killed.id)?.kill();
    const instead = await until(() => find('completed', ({ slot }) => slot === killed.slot), {
      what: 'another to complete the slot',
    });
    expect(instead.id).not.toBe(killed.id);
    const { slot: last } = await until(() => find('completed', ({ slot }) => slot > killed.slot), {
      what: 'the job to go on',
    });
    const due = new Set(told.flatMap(({ event, slot }) => (event === 'begun' && slot <= last ? [slot] : [])));
    const isCompleted = (slot: string) => find('completed', (message) => message.slot === slot) !== undefined;
    await until(() => [...due].every(isCompleted) || undefined, { what: 'all slots to be completed' });
    for (const id of ids) await peers.get(id)?.kill();

    const completed = told.filter(({ event }) => event === 'completed');
    expect(due.size).toBeGreaterThanOrEqual(3);
    for (const slot of due) {
      const by = completed.filter((message) => message.slot === slot).map(({ id }) => id);
      expect(by, slot).toHaveLength(1);
      expect(await readRecord(keeper, { job, slot })).toMatchObject({ by: by[0], result: `report of ${slot}` });
    }
  });

  it('is not run again by a process that comes late', async () => {
    const run = { job, slot: '2031-05-01T02:00:00Z' };
    expect(await runOnce(keeper, run, async () => 'done', { id: 'a' })).toBe('completed');
    const again = () => Promise.reject(new Error('it ran again'));
    expect(await runOnce(keeper, run, again, { id: 'b' })).toBe('was completed');
    expect(await readRecord(keeper, run)).toMatchObject({ by: 'a' });
  });

  it('cannot be completed by one who has lost the lock meanwhile', async () => {
    const run = { job, slot: '2031-05-01T02:00:00Z' };
    const work = async ({ path }: { readonly path: string }): Promise<string> => {
      // By hand, as an operator might; else it is the end of a session that does so.
      await keeper.delete().forPath(path);
      expect(await runOnce(keeper, run, async () => 'done instead', { id: 'b' })).toBe('completed');
      return 'done too late';
    };
    await expect(runOnce(keeper, run, work, { id: 'a' })).rejects.toThrow(HoldLostError);
    expect(await readRecord(keeper, run)).toMatchObject({ by: 'b', result: 'done instead' });
  });
});
