import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Keeper } from '@zk-recipes/core';
import { type PeerMessage, PeerProcess } from '@zk-recipes/test-support';
import { describeOnSharedServer, freshPath, sharedServer } from '@zk-recipes/test-support/vitest';
import { beforeAll, expect, it } from 'vitest';

const example = fileURLToPath(new URL('..', import.meta.url));
const compiler = fileURLToPath(new URL('../../../node_modules/typescript/bin/tsc', import.meta.url));

// Its processes run what is compiled.
beforeAll(() => promisify(execFile)(process.execPath, [compiler, '-b', example]));

describeOnSharedServer('the computation', () => {
  it.each([1, 3, 4])('is done in lockstep by %d processes', { timeout: 60_000 }, async (workers) => {
    const namespace = freshPath('lockstep').slice(1);
    const told: PeerMessage[] = [];
    const peers: PeerProcess[] = [];
    try {
      for (let index = 0; index < workers; index++) {
        const settings = {
          ZOOKEEPER_CONNECT: sharedServer().connectString,
          NAMESPACE: namespace,
          WORKERS: workers,
          WORKER: index,
        };
        const assignments = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
        const program = fileURLToPath(new URL('../dist/worker/main.js', import.meta.url));
        const peer = await PeerProcess.run('env', [...assignments, process.execPath, program]);
        peer.onMessage((message) => told.push(message));
        peers.push(peer);
      }
      expect(await Promise.all(peers.map(({ exited }) => exited))).toEqual(peers.map(() => 0));
    } finally {
      await Promise.all(peers.map((peer) => peer.kill()));
    }
    const sums = Array.from({ length: 16 }, (_, cell) => ((cell + 1) * (cell + 2)) / 2);
    const done = told.filter(({ event }) => event === 'done');
    expect(done.map((message) => message['sums'])).toEqual(peers.map(() => sums));
    for (let step = 2; step <= 4; step++) {
      const times = (event: string, of: number) =>
        told.filter((message) => message['event'] === event && message['step'] === of).map(({ atMs }) => Number(atMs));
      // All processes of a machine share its clock; a millisecond is as fine as it is.
      expect(Math.min(...times('begins', step))).toBeGreaterThanOrEqual(Math.max(...times('ends', step - 1)));
    }
    const keeper = await Keeper.connect({ connectString: sharedServer().connectString });
    await keeper.delete().deletingChildren().quietly().forPath(`/${namespace}`);
    await keeper.close();
  });
});
