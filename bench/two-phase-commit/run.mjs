/**
 * Measures this project's two-phase commit and the bare requests that it cannot do without, on real servers in one run, and prints what it
 * found. It judges nothing.
 *
 *   node two-phase-commit/run.mjs [--runs N] [--transactions N] [--at-once N] [--disk FOLDER]
 *
 * One server has its data in /dev/shm, where there is one; another on the disk, which it waits for at every change.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { describeSource, findServerSource, startStandalone } from '../../test/support/dist/index.js';
import { positive } from '../tables.mjs';
import { report, SUBJECTS } from './report.mjs';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    transactions: { type: 'string', default: '1000' },
    'at-once': { type: 'string', default: '32' },
    disk: { type: 'string', default: tmpdir() },
  },
});
const runs = positive('--runs', values.runs);
const transactions = positive('--transactions', values.transactions);
const atOnce = positive('--at-once', values['at-once']);
const child = fileURLToPath(new URL('child.mjs', import.meta.url));
const names = { 'zk-recipes': 'twoPhaseCommit', 'bare requests': 'bareRequests' };

const folders = { ...(existsSync('/dev/shm') ? { 'in memory': '/dev/shm' } : {}), 'on disk': values.disk };
const servers = {};
try {
  for (const [storage, folder] of Object.entries(folders)) {
    process.env.TMPDIR = folder;
    // No snapshot of the data is taken while somebody is being measured.
    servers[storage] = await startStandalone({ systemProperties: { 'zookeeper.snapCount': 1_000_000_000 } });
  }
  const results = [];
  for (const storage of Object.keys(servers)) {
    for (const participants of [2, 5]) {
      for (const many of [1, atOnce]) {
        const bySubject = Object.fromEntries(SUBJECTS.map((subject) => [subject, []]));
        results.push({ storage, participants, atOnce: many, runs: bySubject });
      }
    }
    process.stderr.write(`warming the server up, ${storage}\n`);
    await measure('bare requests', { storage, participants: 2, atOnce });
  }
  const load = loadavg()[0];
  for (let run = 1; run <= runs; run++) {
    // Interleaved: whatever drifts, the machine or the server, drifts for all alike.
    for (const result of results) {
      process.stderr.write(`run ${run} of ${runs}, ${result.storage}, ${result.participants}, ${result.atOnce}\n`);
      for (const subject of SUBJECTS) result.runs[subject].push(await measure(subject, result));
    }
  }
  console.log(await conditions(load));
  console.log(`\n${report(results)}`);
} finally {
  await Promise.all(Object.values(servers).map((server) => server[Symbol.asyncDispose]()));
}

async function measure(subject, { storage, participants, atOnce: many }) {
  const path = `/${names[subject]}-${participants}`;
  const numbers = [transactions, participants, many].map(String);
  const args = [child, names[subject], servers[storage].connectString, path, ...numbers];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(stdout);
}

async function conditions(load) {
  const server = Object.values(servers)[0];
  const version = /version: ([\d.]+)/.exec(await server.command('srvr'))?.[1] ?? 'of an unknown version';
  return [
    `Apache ZooKeeper ${version}, standalone, from ${describeSource(await findServerSource())}`,
    `Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown CPU'}, load ${load.toFixed(1)} at the start`,
    `${transactions} transactions a measurement after half as many to warm up, median of ${runs} runs`,
  ].join('\n');
}
