#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { suggestion } from './argument-checks.js';
import { systemClock } from './clock.js';
import { TestServer } from './server.js';
import type { Snapshot } from './snapshot.js';

const USAGE = `Usage: zk-test-server [options]

A ZooKeeper server in memory, for tests, demos and learning.

  --port PORT        port to listen on (2181); 0 for a free one
  --host ADDRESS     address to listen on (127.0.0.1); one of IPv6 without brackets
  --tick-time MS     ZooKeeper's unit of time (2000): sessions last 2 to 20 ticks
  --compat VERSION   3.8 or 3.9 (3.9): the version to behave like where they differ
  --snapshot FILE    keep tree and sessions in this file between runs
  --help             this text

The first line of the output ends with the connect string. SIGINT and SIGTERM end the server; SIGTERM also
ends it when only npx is sent it.`;

/** Interval in milliseconds at which the running server writes a snapshot. */
const SNAPSHOT_INTERVAL_MS = 10_000;
/** Interval in milliseconds at which the command checks its parent process. */
const PARENT_CHECK_INTERVAL_MS = 500;

const OPTIONS = {
  port: { type: 'string', default: '2181' },
  host: { type: 'string', default: '127.0.0.1' },
  'tick-time': { type: 'string', default: '2000' },
  compat: { type: 'string', default: '3.9' },
  snapshot: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

async function main(): Promise<void> {
  checkNames(process.argv.slice(2));
  const { values } = parseArgs({ options: OPTIONS });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const file = values.snapshot;
  const server = await TestServer.start({
    port: numberOf('--port', values.port),
    host: values.host,
    tickTimeMs: numberOf('--tick-time', values['tick-time']),
    // `TestServer.start` checks the value together with the other options.
    compat: values.compat as '3.8' | '3.9',
    ...(file !== undefined && existsSync(file) ? { snapshot: await readSnapshot(file) } : {}),
  });
  if (file !== undefined) keepSnapshots(server, file);
  endOnSignals(server, file);
  console.log(`ZooKeeper test server on ${server.connectString}`);
}

/** Checks the names of the given options. @throws {TypeError} for an unknown option */
function checkNames(args: readonly string[]): void {
  const { tokens } = parseArgs({ args: [...args], options: OPTIONS, strict: false, tokens: true });
  const names = Object.keys(OPTIONS).map((name) => `--${name}`);
  for (const token of tokens) {
    if (token.kind !== 'option' || names.includes(token.rawName)) continue;
    throw new TypeError(`Expected an option, got '${token.rawName}'. ${suggestion(token.rawName, names)}`);
  }
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

/** Writes a temporary file and renames it, so that a reader always finds a complete snapshot. */
async function writeSnapshot(server: TestServer, file: string): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify(server.snapshot()));
  await rename(`${file}.new`, file);
}

/**
 * Ends the server at a signal.
 *
 * `npx` passes a signal on to the shell that it started, and that shell ends without telling the server. Under `npx` the end of the parent
 * process therefore also counts as a signal. A second signal, for instance from both a terminal and `npx`, changes nothing.
 */
function endOnSignals(server: TestServer, file: string | undefined): void {
  let isEnding = false;
  const endOnce = (): void => {
    if (isEnding) return;
    isEnding = true;
    end(server, file).catch((error: Error) => {
      console.error(error.message);
      process.exit(1);
    });
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, endOnce);
  if (isUnderNpx(process.env)) untilOrphaned(process.ppid, endOnce);
}

/** Whether `npx` or `npm exec` started this command directly, rather than a command that then started this one. */
function isUnderNpx({ npm_lifecycle_event: event, npm_lifecycle_script: script }: NodeJS.ProcessEnv): boolean {
  return event === 'npx' && script?.includes('test-server') === true;
}

function untilOrphaned(parent: number, callback: () => void): void {
  systemClock.schedule(PARENT_CHECK_INTERVAL_MS, () => {
    if (process.ppid === parent) untilOrphaned(parent, callback);
    else callback();
  });
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
