/**
 * Measures this project's Queue and Apache Curator's DistributedQueue on real servers in one run, and prints what
 * it found. It reports and judges nothing: the exit code is 0 whatever the ratios are.
 *
 *   node queues/run.mjs [--runs N] [--items N] [--consumers N] [--disk FOLDER]
 *
 * One server has its data in /dev/shm, where there is one; another on the disk, which it waits for at every change.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { describeSource, findJavaTools, findServerSource, startStandalone } from '../../test/support/dist/index.js';
import { positive } from '../tables.mjs';
import { report, SUBJECTS } from './report.mjs';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    items: { type: 'string', default: '2000' },
    consumers: { type: 'string', default: '4' },
    disk: { type: 'string', default: tmpdir() },
  },
});
const runs = positive('--runs', values.runs);
const items = positive('--items', values.items);
const consumers = positive('--consumers', values.consumers);
const tools = await findJavaTools();
if (typeof tools === 'string') throw new Error(`Curator cannot run: ${tools}`);
const script = (name) => fileURLToPath(new URL(name, import.meta.url));
const commands = {
  'zk-recipes': [process.execPath, script('child.mjs')],
  Curator: [tools.java, '-cp', tools.classPath, script('CuratorQueues.java')],
};

const folders = { ...(existsSync('/dev/shm') ? { 'in memory': '/dev/shm' } : {}), 'on disk': values.disk };
const servers = {};
let measurements = 0;
try {
  for (const [storage, folder] of Object.entries(folders)) {
    process.env.TMPDIR = folder;
    // No snapshot of the data is taken while somebody is being measured.
    servers[storage] = await startStandalone({ systemProperties: { 'zookeeper.snapCount': 1_000_000_000 } });
  }
  const results = {};
  for (const storage of Object.keys(servers)) {
    process.stderr.write(`warming the server up, ${storage}\n`);
    await measure('zk-recipes', storage);
    results[storage] = Object.fromEntries(SUBJECTS.map((subject) => [subject, []]));
  }
  const load = loadavg()[0];
  for (let run = 1; run <= runs; run++) {
    // Interleaved: whatever drifts, the machine or the server, drifts for all alike.
    for (const storage of Object.keys(servers)) {
      for (const subject of SUBJECTS) {
        process.stderr.write(`run ${run} of ${runs}, ${storage}: ${subject}\n`);
        results[storage][subject].push(await measure(subject, storage));
      }
    }
  }
  console.log(await conditions(load));
  console.log(`\n${report(results, consumers)}`);
} finally {
  await Promise.all(Object.values(servers).map((server) => server[Symbol.asyncDispose]()));
}

async function measure(subject, storage) {
  const [command, ...args] = commands[subject];
  const told = [servers[storage].connectString, `/queue-${++measurements}`, String(items), String(consumers)];
  const { stdout } = await promisify(execFile)(command, [...args, ...told], { maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(stdout);
}

async function conditions(load) {
  const server = Object.values(servers)[0];
  const version = /version: ([\d.]+)/.exec(await server.command('srvr'))?.[1] ?? 'of an unknown version';
  return [
    `Apache ZooKeeper ${version}, standalone, from ${describeSource(await findServerSource())}`,
    `Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown CPU'}, load ${load.toFixed(1)} at the start`,
    `${items} items of 100 bytes a measurement after as many to warm up, median of ${runs} runs`,
  ].join('\n');
}
