import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { reapLater } from '../reaper.js';
import { findPostgres, type PostgresTools } from './postgres-tools.js';

/** How a PostgreSQL server is set up. */
export interface PostgresOptions {
  /** Settings of `postgresql.conf`, such as `{ max_prepared_transactions: '10' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** What a server says when clients may come, and the signals that end it: at once, or as a crash does. */
const READY = 'database system is ready to accept connections';
const STOP = 'SIGINT';
const CRASH = 'SIGQUIT';

/** Nothing of it is to outlive a power failure, so it need not wait for the disk; and it leaves nothing outside of its folder. */
const throwAway = { fsync: 'off', listen_addresses: '', dynamic_shared_memory_type: 'mmap' };

/**
 * Starts a PostgreSQL server with an empty cluster in a folder of its own. It listens on a Unix socket in that folder only.
 *
 * @returns when it serves clients
 * @throws Error when there is no PostgreSQL: see `findPostgres`
 */
export async function startPostgres({ settings = {} }: PostgresOptions = {}): Promise<PostgresServer> {
  const tools = await findPostgres();
  if (typeof tools === 'string') throw new Error(`PostgreSQL cannot be started: ${tools}`);
  const folder = await mkdtemp(join(tmpdir(), 'zk-recipes-postgres-'));
  const forget = reapLater({ kind: 'folder', id: folder });
  const remove = async () => {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    forget();
  };
  const server = new PostgresServer(tools, folder, { ...throwAway, ...settings }, remove);
  try {
    if (tools.runAs !== null) await chown(folder, tools.runAs.uid, tools.runAs.gid);
    const how = [
      '-D',
      join(folder, 'data'),
      '-U',
      'postgres',
      '--auth=trust',
      '--no-locale',
      '-E',
      'UTF8',
      '--no-sync',
    ];
    await promisify(execFile)(tools.initdb, how, { ...tools.runAs, cwd: folder });
    await server.start();
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** A PostgreSQL server for tests, in a process of its own. Disposing of it removes its data. */
export class PostgresServer implements AsyncDisposable {
  /** URL of its one database, for any client. The user `postgres` needs no password. */
  readonly connectionString: string;
  readonly #tools: PostgresTools;
  readonly #folder: string;
  readonly #args: readonly string[];
  readonly #remove: () => Promise<void>;
  #child: ChildProcess | undefined;

  /** For `startPostgres`, which has made the cluster. */
  constructor(
    tools: PostgresTools,
    folder: string,
    settings: Readonly<Record<string, string>>,
    remove: () => Promise<void>,
  ) {
    this.connectionString = `postgresql://postgres@localhost/postgres?host=${encodeURIComponent(folder)}`;
    this.#tools = tools;
    this.#folder = folder;
    this.#args = Object.entries({ ...settings, unix_socket_directories: folder }).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ]);
    this.#remove = remove;
  }

  /** Starts it, again with its data if it was stopped or killed. Resolves when it serves clients. */
  async start(): Promise<void> {
    const child = spawn(this.#tools.postgres, ['-D', join(this.#folder, 'data'), ...this.#args], {
      ...this.#tools.runAs,
      cwd: this.#folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await once(child, 'spawn');
    const forget = reapLater({ kind: 'process', id: child.pid as number });
    this.#child = child;
    let said = '';
    const ready = new Promise<void>((resolve, reject) => {
      child.stderr?.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString('utf8')).slice(-4_000);
        if (said.includes(READY)) resolve();
      });
      child.once('exit', () => {
        forget();
        this.#child = undefined;
        reject(new Error(`PostgreSQL has ended:\n${said}`));
      });
    });
    await ready;
  }

  /** Ends it in good order, without waiting for its clients. */
  stop(): Promise<void> {
    return this.#end(STOP);
  }

  /** Ends it as a crash does: with nothing written but its log, from which it recovers. */
  kill(): Promise<void> {
    return this.#end(CRASH);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#remove();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
}
