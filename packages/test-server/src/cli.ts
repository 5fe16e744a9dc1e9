#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { systemClock } from './clock.js';
import { TestServer } from './server.js';
import type { Snapshot } from './snapshot.js';

const USAGE = `Usage: zk-test-server [options]

A ZooKeeper server in memory, for tests, demos and learning.

  --port PORT        port to listen on (2181); 0 for a free one
  --host ADDRESS     address to listen on (127.0.0.1)
  --tick-time MS     ZooKeeper's unit of time (2000): sessions last 2 to 20 ticks
  --snapshot FILE    keep tree and sessions in this file between runs
  --help             this text`;

/** How often a snapshot is written while the server runs, in milliseconds. */
const SNAPSHOT_INTERVAL_MS = 10_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '2181' },
      host: { type: 'string', default: '127.0.0.1' },
      'tick-time': { type: 'string', default: '2000' },
      snapshot: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const file = values.snapshot;
  const server = await TestServer.start({
    port: numberOf('--port', values.port),
    host: values.host,
    tickTimeMs: numberOf('--tick-time', values['tick-time']),
    ...(file !== undefined && existsSync(file) ? { snapshot: await readSnapshot(file) } : {}),
  });
  console.log(`ZooKeeper test server on ${server.connectString}`);
  if (file !== undefined) keepSnapshots(server, file);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end(server, file));
}

function numberOf(option: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new TypeError(`Expected ${option} to be a number, got '${text}'`);
  return Number(text);
}

async function readSnapshot(file: string): Promise<Snapshot> {
  return JSON.parse(await readFile(file, 'utf8')) as Snapshot;
}

function keepSnapshots(server: TestServer, file: string): void {
  const write = () => writeSnapshot(server, file).catch((error: Error) => console.error(error.message));
  const writeLater = (): void => {
    systemClock.schedule(SNAPSHOT_INTERVAL_MS, () => {
      void write();
      writeLater();
    });
  };
  writeLater();
}

/** Writes beside the file, then puts it in its place: whoever reads it finds a whole one. */
async function writeSnapshot(server: TestServer, file: string): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify(server.snapshot()));
  await rename(`${file}.new`, file);
}

async function end(server: TestServer, file: string | undefined): Promise<void> {
  await server.stop();
  if (file !== undefined) await writeSnapshot(server, file);
  process.exit(0);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
