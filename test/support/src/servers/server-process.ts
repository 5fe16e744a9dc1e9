import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reapLater } from '../reaper.js';
import type { InstalledZooKeeper } from './installed-zookeeper.js';
import type { ServerHost } from './server-host.js';
import { javaFlags, type PeerAddress, type ServerOptions, zooCfg } from './server-options.js';

/** What one server process needs to know. */
export interface ServerProcessPlace {
  /** A folder of its own, for its configuration and its data. */
  readonly folder: string;
  readonly port: number;
  /** Its own number among the peers; 0 for a standalone server. */
  readonly id: number;
  readonly peers: readonly PeerAddress[];
}

/** A server as a Java process of this machine. */
export class ServerProcess implements ServerHost {
  readonly address: { readonly host: string; readonly port: number };
  readonly #dataDir: string;
  readonly #java: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  #output = '';

  private constructor(port: number, dataDir: string, java: string, args: readonly string[]) {
    this.address = { host: '127.0.0.1', port };
    this.#dataDir = dataDir;
    this.#java = java;
    this.#args = args;
  }

  /** Writes the server's folder. */
  static async prepare(
    zookeeper: InstalledZooKeeper,
    place: ServerProcessPlace,
    options: ServerOptions,
  ): Promise<ServerProcess> {
    const { folder, port, id, peers } = place;
    const dataDir = join(folder, 'data');
    await mkdir(dataDir, { recursive: true });
    if (peers.length > 0) await writeFile(join(dataDir, 'myid'), `${id}\n`);
    const config = join(folder, 'zoo.cfg');
    await writeFile(config, zooCfg({ clientPort: port, clientPortAddress: '127.0.0.1', dataDir, peers }, options));
    const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
    const args = [...javaFlags(options), '-cp', zookeeper.classPath, main, config];
    return new ServerProcess(port, dataDir, zookeeper.java, args);
  }

  async isRunning(): Promise<boolean> {
    return this.#child !== undefined;
  }

  async start(): Promise<void> {
    const child = spawn(this.#java, this.#args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString('utf8')).slice(-4_000);
      });
    }
    await once(child, 'spawn');
    const forget = reapLater({ kind: 'process', id: child.pid as number });
    child.once('exit', () => {
      forget();
      this.#child = undefined;
    });
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  async pause(): Promise<void> {
    this.#child?.kill('SIGSTOP');
  }

  async resume(): Promise<void> {
    this.#child?.kill('SIGCONT');
  }

  async wipe(): Promise<void> {
    await rm(join(this.#dataDir, 'version-2'), { recursive: true, force: true, maxRetries: 5 });
  }

  async output(): Promise<string> {
    return this.#output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    child.kill('SIGCONT');
    await ended;
  }
}
