/** What the benchmarks of recipes have in common: servers to measure on, subjects in processes that take turns, and what it was measured on. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { describeSource, findServerSource, startStandalone } from '../test/support/dist/index.js';
import { positive } from './tables.mjs';

/**
 * Options of a benchmark, all of them whole numbers but for `--disk FOLDER`.
 *
 * @param {Record<string, number>} defaults
 */
export function optionsOf(defaults) {
  const options = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, { type: 'string', default: String(value) }]),
  );
  const { values } = parseArgs({ options: { ...options, disk: { type: 'string', default: tmpdir() } } });
  const numbers = Object.keys(defaults).map((name) => [name, positive(`--${name}`, values[name])]);
  return { ...Object.fromEntries(numbers), disk: values.disk };
}

/** Does something with a server whose data is in memory, where there is a /dev/shm, and one that waits for a disk at every change. */
export async function withServers(disk, work) {
  const folders = { ...(existsSync('/dev/shm') ? { 'in memory': '/dev/shm' } : {}), 'on disk': disk };
  const servers = {};
  try {
    for (const [storage, folder] of Object.entries(folders)) {
      process.env.TMPDIR = folder;
      // No snapshot of the data is taken while somebody is being measured.
      servers[storage] = await startStandalone({ systemProperties: { 'zookeeper.snapCount': 1_000_000_000 } });
    }
    await work(servers);
  } finally {
    await Promise.all(Object.values(servers).map((server) => server[Symbol.asyncDispose]()));
  }
}

/** A subject in a process of its own: measures once for each line that it is sent, and answers with a line of JSON. */
class Subject {
  #process;
  #lines;
  #label;

  constructor(label, [command, ...args]) {
    this.#label = label;
    this.#process = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  async measure() {
    this.#process.stdin.write('measure\n');
    const { done, value } = await this.#lines.next();
    if (done) throw new Error(`${this.#label} ended before its result`);
    return JSON.parse(value);
  }

  end() {
    this.#process.kill();
  }
}

/**
 * Measures all subjects in turn, again and again: whatever drifts, the machine or a server, drifts for all alike. After so many `runs` all of it
 * is done anew with other `processes`, since what is compiled stays as it is, and the same subject in two processes may differ by a tenth.
 *
 * @param {Record<string, Record<string, string[]>>} commands by place and subject
 * @returns {Promise<{ load: number, results: Record<string, Record<string, object[]>> }>}
 */
export async function takeTurns(commands, { processes = 1, warmups, runs }) {
  const results = Object.fromEntries(
    Object.entries(commands).map(([place, bySubject]) => [
      place,
      Object.fromEntries(Object.keys(bySubject).map((name) => [name, []])),
    ]),
  );
  let load = 0;
  for (let generation = 1; generation <= processes; generation++) {
    const everybody = Object.entries(commands).flatMap(([place, bySubject]) =>
      Object.entries(bySubject).map(([name, command]) => ({
        subject: new Subject(`${name}, ${place}`, command),
        measured: results[place][name],
      })),
    );
    try {
      for (let turn = 1; turn <= warmups + runs; turn++) {
        const isWarm = turn > warmups;
        const what = isWarm ? `run ${turn - warmups} of ${runs}` : `warming up, ${turn} of ${warmups}`;
        process.stderr.write(`${what}, processes ${generation} of ${processes}\n`);
        if (generation === 1 && turn === warmups + 1) load = loadavg()[0];
        for (const { subject, measured } of everybody) {
          const one = await subject.measure();
          if (isWarm) measured.push(one);
        }
      }
    } finally {
      for (const { subject } of everybody) subject.end();
    }
  }
  return { load, results };
}

/** What it was measured on. @param what says in a few words what a measurement is */
export async function conditions(servers, load, what, { processes = 1, warmups, runs }) {
  const version =
    /version: ([\d.]+)/.exec(await Object.values(servers)[0].command('srvr'))?.[1] ?? 'of an unknown version';
  return [
    `Apache ZooKeeper ${version}, standalone, from ${describeSource(await findServerSource())}`,
    `Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown CPU'}, load ${load.toFixed(1)} when it began`,
    `${what} a measurement, median of ${runs} after ${warmups} to warm up${processes > 1 ? `, in each of ${processes} processes` : ''}`,
  ].join('\n');
}

/** For a subject in JavaScript: answers each line that comes with what is measured. */
export async function answerWith(measure) {
  for await (const _ of createInterface({ input: process.stdin })) console.log(JSON.stringify(await measure()));
  process.exit(0);
}
