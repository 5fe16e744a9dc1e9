/**
 * Measures the test server beside the real standalone server, with the same client, each server in a process of its own:
 * `node packages/test-server/test/measure-speed.mjs [operations]`. Needs a build (`npm run build`).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const { startStandalone } = await import('../../../test/support/dist/index.js');
const { ZooKeeper } = await import('../../zookeeper-ts-client/dist/index.js');
const { TestServer } = await import('../dist/index.js');

const OPERATIONS = Number(process.argv[2] ?? 20_000);
const ROUNDS = 3;
const WINDOWS = [256, 1];
const data = Buffer.alloc(100, 1);

const operations = {
  create: (client, path) => client.create(path, data),
  getData: (client, path) => client.getData(path),
  setData: (client, path) => client.setData(path, data),
  exists: (client, path) => client.exists(path),
  delete: (client, path) => client.delete(path),
};

/** Does an operation on each path with so many requests under way; gives operations a second. */
async function measure(client, operation, paths, window) {
  let next = 0;
  const work = async () => {
    while (next < paths.length) await operation(client, paths[next++]);
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: window }, work));
  return (paths.length / (performance.now() - start)) * 1000;
}

async function measureServer(connectString) {
  const client = await ZooKeeper.connect(connectString, { sessionTimeoutMs: 10_000 });
  const best = {};
  for (const window of WINDOWS) {
    const count = window === 1 ? OPERATIONS / 10 : OPERATIONS;
    for (let round = 0; round < ROUNDS; round++) {
      const folder = `/w${window}r${round}`;
      await client.create(folder);
      const paths = Array.from({ length: count }, (_, index) => `${folder}/n${index}`);
      for (const [name, operation] of Object.entries(operations)) {
        const speed = await measure(client, operation, paths, window);
        const row = `${name}, ${window} at once`;
        best[row] = Math.max(best[row] ?? 0, Math.round(speed));
      }
    }
  }
  await client.close();
  return best;
}

const real = await startStandalone();
const child = spawn(process.execPath, [fileURLToPath(new URL('../dist/cli.js', import.meta.url)), '--port', '0']);
const [line] = await once(createInterface({ input: child.stdout }), 'line');
const own = await measureServer(/\S+:\d+$/.exec(line)[0]);
child.kill();
const theirs = await measureServer(real.connectString);
await real[Symbol.asyncDispose]();

console.table(
  Object.fromEntries(
    Object.keys(own).map((row) => [
      row,
      { 'test server': own[row], 'real server': theirs[row], ratio: (own[row] / theirs[row]).toFixed(2) },
    ]),
  ),
);

const starts = [];
for (let count = 0; count < 20; count++) {
  const start = performance.now();
  const server = await TestServer.start();
  starts.push(performance.now() - start);
  await server.stop();
}
console.log(`start: first ${starts[0].toFixed(1)} ms, median ${starts.toSorted((a, b) => a - b)[10].toFixed(1)} ms`);

const crowded = await TestServer.start();
const before = process.memoryUsage().rss;
const begun = performance.now();
const sessions = await Promise.all(Array.from({ length: 1000 }, () => ZooKeeper.connect(crowded.connectString)));
await Promise.all(sessions.map((client, index) => client.create(`/s${index}`)));
const took = (performance.now() - begun).toFixed(0);
const grown = ((process.memoryUsage().rss - before) / 2 ** 20).toFixed(0);
console.log(`1000 sessions, each with a create: ${took} ms, ${grown} MiB more (clients included)`);
await Promise.all(sessions.map((client) => client.close()));
await crowded.stop();
