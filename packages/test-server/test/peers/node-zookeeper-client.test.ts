import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { TestServer } from '../../src/index.js';

/** What the test uses of the package. */
interface OtherClient {
  connect(): void;
  close(): void;
  once(event: 'connected', listener: () => void): void;
  create(path: string, data: Buffer, mode: number, callback: (error: Error | null, path: string) => void): void;
  setData(path: string, data: Buffer, callback: (error: Error | null) => void): void;
  getData(path: string, watcher: (event: unknown) => void, callback: (error: Error | null, data: Buffer) => void): void;
  getChildren(path: string, callback: (error: Error | null, children: string[]) => void): void;
  remove(path: string, version: number, callback: (error: Error | null) => void): void;
  transaction(): { create(path: string): OtherTransaction };
}
interface OtherTransaction {
  create(path: string): OtherTransaction;
  commit(callback: (error: Error | null) => void): void;
}
interface Package {
  createClient(server: string): OtherClient;
  readonly CreateMode: { readonly EPHEMERAL_SEQUENTIAL: number; readonly PERSISTENT: number };
}

const folder = mkdtempSync(join(tmpdir(), 'zk-recipes-other-client-'));
const zookeeper = await install();
if (zookeeper === null) console.log('node-zookeeper-client: skipped, for it cannot be installed');

/** Installs the package outside of the project, which does not need it; `null` when that fails. */
async function install(): Promise<Package | null> {
  const args = ['install', '--no-audit', '--no-fund', '--prefix', folder, 'node-zookeeper-client@1.1.3'];
  try {
    await promisify(execFile)('npm', args, { timeout: 60_000 });
    return createRequire(join(folder, 'index.js'))('node-zookeeper-client') as Package;
  } catch {
    return null;
  }
}

describe.skipIf(zookeeper === null)('node-zookeeper-client', () => {
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('creates, watches, changes, lists and removes', async () => {
    const { createClient, CreateMode } = zookeeper as Package;
    const server = await TestServer.start();
    const client = createClient(server.connectString);
    const connected = new Promise<void>((resolve) => client.once('connected', resolve));
    client.connect();
    await connected;
    const call = <T>(start: (callback: (error: Error | null, value: T) => void) => void): Promise<T> =>
      new Promise((resolve, reject) => start((error, value) => (error ? reject(error) : resolve(value))));
    const made = await call<string>((back) => client.create('/other', Buffer.from('1'), CreateMode.PERSISTENT, back));
    expect(made).toBe('/other');
    const sequential = await call<string>((back) =>
      client.create('/other/n-', Buffer.alloc(0), CreateMode.EPHEMERAL_SEQUENTIAL, back),
    );
    expect(sequential).toBe('/other/n-0000000000');
    let heard: (event: unknown) => void = () => {};
    const event = new Promise<unknown>((resolve) => {
      heard = resolve;
    });
    expect(String(await call<Buffer>((back) => client.getData('/other', heard, back)))).toBe('1');
    await call<unknown>((back) => client.setData('/other', Buffer.from('2'), (error) => back(error, null)));
    expect(String(await event)).toContain('NODE_DATA_CHANGED');
    expect(await call<string[]>((back) => client.getChildren('/other', back))).toEqual(['n-0000000000']);
    await expect(call<unknown>((back) => client.remove('/other', -1, (error) => back(error, null)))).rejects.toThrow(
      /NOT_EMPTY/,
    );
    const commit = call<unknown>((back) =>
      client
        .transaction()
        .create('/t')
        .create('/t')
        .commit((error) => back(error, null)),
    );
    await expect(commit).rejects.toThrow(/NODE_EXISTS/);
    client.close();
    await expect.poll(() => server.sessions).toEqual([]);
    await server[Symbol.asyncDispose]();
  });
});
