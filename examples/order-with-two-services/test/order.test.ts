import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Keeper } from '@zk-recipes/core';
import { PeerProcess } from '@zk-recipes/test-support';
import { describeOnSharedServer, freshPath, sharedServer } from '@zk-recipes/test-support/vitest';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';

const example = fileURLToPath(new URL('..', import.meta.url));
const compiler = fileURLToPath(new URL('../../../node_modules/typescript/bin/tsc', import.meta.url));

// Its processes run what is compiled.
beforeAll(() => promisify(execFile)(process.execPath, [compiler, '-b', example]));

describeOnSharedServer('an order', { timeout: 60_000 }, () => {
  let folder: string;
  let namespace: string;
  const peers: PeerProcess[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zk-recipes-order-'));
    namespace = freshPath('shop').slice(1);
  });

  afterEach(async () => {
    await Promise.all(peers.splice(0).map((peer) => peer.kill()));
    await rm(folder, { recursive: true });
    const keeper = await Keeper.connect({ connectString: sharedServer().connectString });
    await keeper.delete().deletingChildren().quietly().forPath(`/${namespace}`);
    await keeper.close();
  });

  async function run(program: string, settings: Record<string, string | number>, ...args: string[]) {
    const all = {
      ZOOKEEPER_CONNECT: sharedServer().connectString,
      SERVICE_NAMESPACE: namespace,
      SESSION_TIMEOUT_MS: 1_000,
      ...settings,
    };
    const assignments = Object.entries(all).map(([name, value]) => `${name}=${value}`);
    const script = fileURLToPath(new URL(`../dist/${program}/main.js`, import.meta.url));
    const peer = await PeerProcess.run('env', [...assignments, process.execPath, script, ...args]);
    peers.push(peer);
    return peer;
  }

  /** Starts a service. Resolves when it is ready, with what it knows. */
  async function service(name: string, settings: Record<string, string | number> = {}) {
    const peer = await run('service', { SERVICE: name, STORE: join(folder, `${name}.json`), ...settings });
    return { peer, state: await peer.receive({ event: 'ready' }) };
  }

  const stock = (settings = {}) => service('stock', { AVAILABLE: 5, ...settings });
  const card = (settings = {}) => service('card', { AVAILABLE: 100, ...settings });
  const order = (...what: string[]) => run('order', { TIMEOUT_MS: 40_000 }, ...what);

  it('takes from both', async () => {
    const services = await Promise.all([stock(), card()]);
    await (await order('stock=2', 'card=30')).receive({ event: 'committed' });
    const [inStock, onCard] = await Promise.all(services.map(({ peer }) => peer.receive({ event: 'committed' })));
    expect([inStock?.['available'], onCard?.['available']]).toEqual([3, 70]);
  });

  it('takes from none when one has not got enough', async () => {
    const services = await Promise.all([stock(), card()]);
    const refused = await (await order('stock=2', 'card=101')).receive({ event: 'aborted' });
    expect(refused['reason']).toBe('card voted abort: 101 wanted, 100 left');
    const [inStock] = services;
    await inStock.peer.receive({ event: 'aborted', available: 5 });
  });

  it.each(['prepared', 'committed'])('takes from both though the card is killed when it has %s', async (moment) => {
    const inStock = await stock();
    const onCard = await card({ HALT_WHEN: moment });
    const placed = await order('stock=2', 'card=30');
    await onCard.peer.receive({ event: moment });
    await onCard.peer.kill();
    const back = await card();
    await placed.receive({ event: 'committed' });
    await inStock.peer.receive({ event: 'committed', available: 3 });
    const known = moment === 'committed' ? back.state : await back.peer.receive({ event: 'committed' });
    expect(known).toMatchObject({ available: 70, reserved: {} });
  });

  it('takes from none when the card comes back too late, and gives back what both had set aside', async () => {
    const inStock = await stock();
    const onCard = await card({ HALT_WHEN: 'prepared' });
    const placed = await run('order', { TIMEOUT_MS: 1_000 }, 'stock=2', 'card=30');
    await onCard.peer.receive({ event: 'prepared', available: 70 });
    await onCard.peer.kill();
    const refused = await placed.receive({ event: 'aborted' });
    expect(refused['reason']).toBe('not all had voted after 1000 ms');
    await inStock.peer.receive({ event: 'aborted', available: 5 });
    const back = await card();
    expect(back.state).toMatchObject({ available: 70 });
    await back.peer.receive({ event: 'aborted', available: 100 });
  });

  it('says what is wrong with a store that it cannot read', async () => {
    await writeFile(join(folder, 'stock.json'), '{');
    const broken = await run('service', { SERVICE: 'stock', STORE: join(folder, 'stock.json') });
    expect(await broken.exited).toBe(1);
    expect(broken.complaints).toMatch(/JSON/);
  });
});
