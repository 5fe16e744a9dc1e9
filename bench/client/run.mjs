/**
 * Measures this project's client, its peers and a raw socket on one real server in one run, and prints what it found.
 * It reports and judges nothing: the exit code is 0 whatever the ratios are.
 *
 *   node client/run.mjs [--runs N] [--ops N]
 *
 * Data of the server lies in /dev/shm where there is one, so that no disk is measured; TMPDIR says otherwise.
 */
import { fork } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeSource, findServerSource, startStandalone } from '../../test/support/dist/index.js';
import { positive } from '../tables.mjs';
import { CLIENTS, FLOOR, report } from './report.mjs';
import { opsAtWindow } from './workload.mjs';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '5' }, ops: { type: 'string', default: '20000' } },
});
const runs = positive('--runs', values.runs);
const ops = positive('--ops', values.ops);
if (existsSync('/dev/shm')) process.env.TMPDIR ??= '/dev/shm';

const server = await startStandalone({
  // No snapshot of the data is taken while somebody is being measured.
  systemProperties: { 'zookeeper.snapCount': 1_000_000_000 },
  config: { maxSessionTimeout: 60_000 },
});
try {
  process.stderr.write('warming the server up\n');
  await measure(FLOOR);
  const results = Object.fromEntries(CLIENTS.map((client) => [client, []]));
  for (let run = 1; run <= runs; run++) {
    // Interleaved: whatever drifts, the machine or the server, drifts for all alike.
    for (const client of CLIENTS) {
      process.stderr.write(`run ${run} of ${runs}: ${client}\n`);
      results[client].push(await measure(client));
    }
  }
  console.log(await conditions());
  console.log(`\n${report(results)}`);
} finally {
  await server[Symbol.asyncDispose]();
}

function measure(client) {
  return new Promise((resolve, reject) => {
    const script = fileURLToPath(new URL('child.mjs', import.meta.url));
    const child = fork(script, [client, server.connectString, '', String(ops)], {
      execArgv: ['--expose-gc', ...process.execArgv],
    });
    child.once('message', resolve);
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`${client} ended with ${signal ?? code} before its result`)));
  });
}

async function conditions() {
  const version = /version: ([\d.]+)/.exec(await server.command('srvr'))?.[1] ?? 'of an unknown version';
  const { devDependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const peers = Object.entries(devDependencies).map(([name, peer]) => `${name} ${peer}`);
  return [
    `Apache ZooKeeper ${version}, standalone, from ${describeSource(await findServerSource())}`,
    `Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown CPU'}; ${peers.join(', ')}`,
    `${ops} operations a measurement (${opsAtWindow(1, ops)} one at a time), 100 bytes of data, median of ${runs} runs`,
  ].join('\n');
}
