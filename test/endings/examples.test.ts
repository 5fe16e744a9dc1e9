import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { root } from '../source-tree.js';
import { ownServer, stage } from '../stage/stage.js';

/** What a process may take to end, in milliseconds. */
const LIMIT_MS = 3_000;
const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** A program of the examples that runs until it gets a signal. */
interface Program {
  readonly example: string;
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
  /** What it prints when it is at work. */
  readonly ready: string;
  /** Gives it something to do. @param output all that it has printed */
  readonly employ?: (output: string) => void;
}

const MUCH_MS = '3600000';

const programs: Readonly<Record<string, Program>> = {
  'cron-once, between two runs': {
    example: 'cron-once',
    file: 'cron/main.js',
    env: { EVERY_MS: MUCH_MS },
    ready: '"started"',
  },
  'cron-once, in a run': {
    example: 'cron-once',
    file: 'cron/main.js',
    env: { EVERY_MS: '1000', WORK_MS: MUCH_MS },
    ready: '"begun"',
  },
  'leader-election-service': {
    example: 'leader-election-service',
    file: 'service/main.js',
    env: { PORT: '0', PERIOD_MS: '50' },
    ready: 'leads, fencing token',
  },
  'leader-election-service, in line': {
    example: 'leader-election-service',
    file: 'service/main.js',
    env: { PORT: '0', SERVICE_NAMESPACE: 'billing' },
    ready: 'listens on port',
  },
  'lockstep-computation, waiting for the others': {
    example: 'lockstep-computation',
    file: 'worker/main.js',
    env: { WORKERS: '7' },
    ready: '"started"',
  },
  'rate-limited-reports': {
    example: 'rate-limited-reports',
    file: 'service/main.js',
    env: { PORT: '0' },
    ready: 'listens on port',
  },
  'rate-limited-reports, with a report under way': {
    example: 'rate-limited-reports',
    file: 'service/main.js',
    env: { PORT: '0', REPORT_MS: MUCH_MS },
    ready: 'listens on port',
    employ: (output) => {
      const port = /port (\d+)/.exec(output)?.[1];
      fetch(`http://127.0.0.1:${port}/reports/sales`, { method: 'POST' }).catch(() => {});
    },
  },
  'delayed-reminders': {
    example: 'delayed-reminders',
    file: 'sender/main.js',
    env: {},
    ready: '"started"',
  },
  'image-workers': { example: 'image-workers', file: 'worker/main.js', env: {}, ready: '"started"' },
  'order-with-two-services': {
    example: 'order-with-two-services',
    file: 'service/main.js',
    env: {},
    ready: '"ready"',
  },
};

/** A program that runs. */
class Running {
  readonly name: string;
  readonly #child: ChildProcess;
  #output = '';
  #errors = '';

  constructor(name: string, { example, file, env }: Program, server: string, folder: string) {
    this.name = name;
    const { NODE_OPTIONS: _, ...own } = process.env;
    // Each in a place of its own, unless the program says otherwise.
    const place = randomUUID();
    const places = { NAMESPACE: place, SERVICE_NAMESPACE: place, STORE: join(folder, place) };
    const settings = { ZOOKEEPER_CONNECT: server, SESSION_TIMEOUT_MS: '10000', ...places, ...env };
    const path = join(root, 'examples', example, 'dist', file);
    this.#child = spawn(process.execPath, [path], { cwd: folder, env: { ...own, ...settings }, stdio: 'pipe' });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
  }

  async untilReady({ ready, employ }: Program): Promise<void> {
    await until(() => this.#output.includes(ready) || undefined, { what: `${this.name} to print ${ready}` });
    employ?.(this.#output);
  }

  /** @returns `in time`, or how it ended instead */
  async end(signal: NodeJS.Signals, expectedCode = 0): Promise<string> {
    const beganMs = performance.now();
    const limit = setTimeout(() => this.#child.kill('SIGKILL'), 3 * LIMIT_MS);
    const ended = once(this.#child, 'close');
    this.#child.kill(signal);
    const [code, by] = await ended;
    clearTimeout(limit);
    const tookMs = Math.round(performance.now() - beganMs);
    if (code === expectedCode && tookMs < LIMIT_MS) return 'in time';
    return `${this.name}, ${signal}: ${code ?? by} after ${tookMs} ms\n${this.#errors}`;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

describeOnOwnServers('the examples end in 3 s', { timeout: 120_000 }, () => {
  const server = ownServer();
  const on = stage(() => server().connectString);
  let folder: string;

  // Its processes run what is compiled.
  beforeAll(async () => {
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    const examples = new Set(Object.values(programs).map(({ example }) => join(root, 'examples', example)));
    await promisify(execFile)(process.execPath, [compiler, '-b', ...examples]);
    folder = await mkdtemp(join(tmpdir(), 'zk-recipes-endings-'));
  }, 180_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each([
    ['while the servers serve', async () => {}, async () => {}],
    ['when the server has ended', () => server().stop(), () => server().start()],
    ['when the server is paused', () => server().pause(), () => server().resume()],
  ] as const)('%s', async (_, strike, restore) => {
    const running = SIGNALS.flatMap((signal) =>
      Object.entries(programs).map(([name, program]) => {
        const one = new Running(name, program, server().connectString, folder);
        on.afterwards(async () => one.kill());
        return { one, program, signal };
      }),
    );
    await Promise.all(running.map(({ one, program }) => one.untilReady(program)));
    on.afterwards(restore);
    await strike();
    const outcomes = await Promise.all(running.map(({ one, signal }) => one.end(signal)));
    expect(outcomes.filter((outcome) => outcome !== 'in time')).toEqual([]);
  });

  it('the demo, with all of its services, which says that it was stopped', async () => {
    const demo: Program = {
      example: 'leader-election-service',
      file: 'demo/main.js',
      env: {},
      ready: 'leads, fencing token',
    };
    const running = SIGNALS.map((signal) => {
      const one = new Running('the demo', demo, server().connectString, folder);
      on.afterwards(async () => one.kill());
      return { one, signal };
    });
    await Promise.all(running.map(({ one }) => one.untilReady(demo)));
    // Its streams close when the last of its services has ended.
    const outcomes = await Promise.all(running.map(({ one, signal }) => one.end(signal, 1)));
    expect(outcomes).toEqual(['in time', 'in time']);
  });
});
