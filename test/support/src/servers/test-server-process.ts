import { fileURLToPath } from 'node:url';
import { PeerProcess } from '../peer-process.js';
import type { ServerHost } from './server-host.js';
import type { ServerOptions } from './server-options.js';
import { testServerOptions } from './test-server-options.js';

/**
 * A test server in a Node process of its own. Its data is in memory, so the process stays when the server is stopped or
 * killed, and what was replied to is there again after the next start, as it is on a real one.
 */
export class TestServerProcess implements ServerHost {
  readonly address: { readonly host: string; readonly port: number };
  readonly #options: string;
  #process: PeerProcess | undefined;
  #isUp = false;

  /** @throws Error when a test server has no such option */
  constructor(port: number, options: ServerOptions) {
    this.address = { host: '127.0.0.1', port };
    this.#options = JSON.stringify({ ...testServerOptions(options), port });
  }

  async isRunning(): Promise<boolean> {
    return this.#isUp;
  }

  async start(): Promise<void> {
    if (this.#process === undefined) await this.#spawn();
    else this.#process.send({ event: 'start' });
    await this.#process?.receive({ event: 'started' });
    this.#isUp = true;
  }

  async stop(): Promise<void> {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#process?.resume();
    this.#process?.send({ event: 'stop' });
    await this.#process?.receive({ event: 'stopped' });
  }

  kill(): Promise<void> {
    return this.stop();
  }

  async pause(): Promise<void> {
    this.#process?.pause();
  }

  async resume(): Promise<void> {
    this.#process?.resume();
  }

  async wipe(): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
    this.#process = undefined;
  }

  async output(): Promise<string> {
    return this.#process?.complaints ?? '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
  }

  async #spawn(): Promise<void> {
    const script = fileURLToPath(new URL('../../test-server-process.mjs', import.meta.url));
    const process = await PeerProcess.run('node', [script, this.#options]);
    this.#process = process;
    void process.exited.then(() => {
      this.#isUp = false;
    });
  }
}
