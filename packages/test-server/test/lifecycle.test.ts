import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fourLetterWord, type ZooKeeperServer } from '@zk-recipes/test-support';
import { describe, expect, it } from 'vitest';
import { Perms, ZooKeeper } from 'zookeeper-ts-client';
import { CreateRequest, OpCode } from 'zookeeper-ts-client/protocol';
import { TestServer, type TestServerOptions, VirtualClock } from '../src/index.js';
import { create, createPlain, createTtl, exists, getChildren, getData, OPEN, remove } from './conformance/calls.js';
import { WireClient } from './wire-client.js';

async function withServer(options: TestServerOptions, use: (server: TestServer) => Promise<void>): Promise<void> {
  const server = await TestServer.start(options);
  try {
    await use(server);
  } finally {
    await server[Symbol.asyncDispose]();
  }
}

const resume = (server: TestServer, { sessionId, response }: WireClient) =>
  WireClient.connect(server.connectString, { sessionId, password: response?.passwd ?? null });

/** What tests do with a server, whichever it is. */
type AnyServer = Pick<ZooKeeperServer, 'connectString' | 'port' | 'state' | 'start' | 'stop' | 'kill' | 'restart'> &
  Pick<ZooKeeperServer, 'pause' | 'resume' | 'command' | 'status' | 'mode' | 'untilServing'> &
  AsyncDisposable;

describe('TestServer', () => {
  it('stands in for a real server of the tests', async () => {
    await withServer({}, async (server: AnyServer) => {
      expect(await server.untilServing()).toBe(await server.mode());
      expect(await server.command('ruok')).toBe('imok');
    });
  });

  it('ends sessions by the clock that it was given, at the tick after their timeout', async () => {
    const clock = new VirtualClock();
    await withServer({ clock, tickTimeMs: 100 }, async (server) => {
      const client = await WireClient.connect(server.connectString, { timeoutMs: 250 });
      await createPlain(client, '/e', 1);
      clock.advance(299);
      expect(server.sessions).toHaveLength(1);
      clock.advance(1);
      expect(server.sessions).toEqual([]);
      expect(server.dump('/e')).toEqual([]);
      await client.ended();
    });
  });

  it('ends a connection that sends no whole handshake, 10 s after its last byte', async () => {
    const clock = new VirtualClock();
    await withServer({ clock }, async (server) => {
      const served = await WireClient.connect(server.connectString, { timeoutMs: 10_000 });
      const silent = await WireClient.open(server.connectString);
      const slow = await WireClient.open(server.connectString);
      slow.socket.write(Buffer.from([0, 0]));
      await expect.poll(() => server.stats.connections).toBe(3);
      clock.advance(9_000);
      await served.events();
      slow.socket.write(Buffer.from([0, 45, 0]));
      await served.events();
      clock.advance(1_000);
      expect(await silent.nextFrame()).toBeNull();
      expect(server.stats.connections).toBe(2);
      clock.advance(7_999);
      await served.events();
      expect(server.stats.connections).toBe(2);
      clock.advance(1_001);
      expect(await slow.nextFrame()).toBeNull();
      expect((await exists(served, '/')).err).toBe(0);
    });
  });

  it('ends no connection for the lack of a handshake while it is paused, or cut off from all', async () => {
    const clock = new VirtualClock();
    await withServer({ clock }, async (server) => {
      for (const [stop, goOn] of [
        [() => server.pause(), () => server.resume()],
        [async () => server.faults.partition('all'), async () => server.faults.heal()],
      ] as const) {
        await stop();
        const greeting = WireClient.connect(server.connectString);
        await expect.poll(() => server.stats.connections).toBe(1);
        clock.advance(60_000);
        await goOn();
        expect((await greeting).response).not.toBeNull();
        (await greeting).socket.destroy();
        await expect.poll(() => server.stats.connections).toBe(0);
      }
    });
  });

  it('dates znodes by that clock, and removes containers and TTL znodes by it', async () => {
    const clock = new VirtualClock(1_000_000);
    await withServer(
      { clock, containerCheckIntervalMs: 1000, containerMaxNeverUsedMs: 5000, maxSessionTimeoutMs: 1e6 },
      async (server) => {
        const client = await WireClient.connect(server.connectString, { timeoutMs: 100_000 });
        clock.advance(500);
        const { value } = await createTtl(client, '/ttl', 2000);
        expect(value?.stat.ctime).toBe(1_000_500);
        await create(client, '/used', { opCode: OpCode.createContainer });
        await create(client, '/unused', { opCode: OpCode.createContainer });
        await createPlain(client, '/used/c');
        await remove(client, '/used/c');
        const paths = () => server.dump().flatMap(({ path }) => (path.startsWith('/z') || path === '/' ? [] : [path]));
        clock.advance(500);
        expect(paths()).toEqual(['/ttl', '/unused']);
        clock.advance(2000);
        expect(paths()).toEqual(['/unused']);
        clock.advance(3000);
        expect(paths()).toEqual([]);
      },
    );
  });

  it('keeps tree and sessions over a restart, on the same port, with fresh timeouts', async () => {
    const clock = new VirtualClock();
    await withServer({ clock }, async (server) => {
      const client = await WireClient.connect(server.connectString, { timeoutMs: 1000 });
      await createPlain(client, '/kept', 1);
      const { port } = server;
      await server.stop();
      expect([server.state, await server.status()]).toEqual(['down', undefined]);
      await client.ended();
      clock.advance(60_000);
      await server.start();
      expect([server.port, await server.mode(), await server.untilServing()]).toEqual([
        port,
        'standalone',
        'standalone',
      ]);
      const again = await resume(server, client);
      expect((await exists(again, '/kept')).value?.ephemeralOwner).toBe(client.sessionId);
      await server.restart();
      await again.ended();
      expect((await resume(server, client)).sessionId).toBe(client.sessionId);
    });
  });

  it('stands still while it is paused, and goes on', async () => {
    const clock = new VirtualClock();
    await withServer({ clock }, async (server) => {
      const client = await WireClient.connect(server.connectString, { timeoutMs: 1000 });
      await server.pause();
      const reply = exists(client, '/');
      const greeting = WireClient.connect(server.connectString);
      clock.advance(60_000);
      expect([server.state, server.sessions.length]).toEqual(['paused', 1]);
      await server.resume();
      expect((await reply).err).toBe(0);
      expect((await greeting).response?.timeOut).toBe(10_000);
      (await greeting).socket.destroy();
    });
  });

  it('begins with a snapshot of another', async () => {
    let snapshot = '';
    let client: WireClient | undefined;
    await withServer({}, async (server) => {
      client = await WireClient.connect(server.connectString);
      await create(client, '/snap', { data: Buffer.from('data') });
      await createPlain(client, '/snap/seq-', 3);
      await createTtl(client, '/snap/ttl', 5000);
      snapshot = JSON.stringify(server.snapshot());
    });
    await withServer({ snapshot: JSON.parse(snapshot) }, async (server) => {
      const again = await resume(server, client as WireClient);
      expect((await getData(again, '/snap')).value).toMatchObject({ data: Buffer.from('data'), stat: { cversion: 2 } });
      expect((await getChildren(again, '/snap')).value?.children).toEqual(['seq-0000000000', 'ttl']);
      expect((await createPlain(again, '/snap/seq-', 2)).value?.path).toBe('/snap/seq-0000000002');
      expect(server.dump('/snap/ttl')[0]?.kind).toBe('ttl');
      expect(JSON.parse(JSON.stringify(server.snapshot())).znodes).toHaveLength(8);
    });
    await expect(TestServer.start({ snapshot: { format: 2 } as never })).rejects.toThrow(TypeError);
  });

  it('lists children in an order of its seed, the same for the same seed', async () => {
    const orders: string[] = [];
    for (const seed of [1, 1, 2]) {
      await withServer({ seed }, async (server) => {
        const client = await WireClient.connect(server.connectString);
        for (let index = 0; index < 20; index++) await createPlain(client, `/n${index}`);
        orders.push((await getChildren(client, '/')).value?.children.join() ?? '');
      });
    }
    expect(orders[0]).toBe(orders[1]);
    expect(orders[0]).not.toBe(orders[2]);
  });

  it('counts what it does', async () => {
    await withServer({}, async (server) => {
      const client = await WireClient.connect(server.connectString);
      await exists(client, '/x', true);
      await createPlain(client, '/x');
      expect(server.stats).toMatchObject({
        requests: { exists: 1, create: 1 },
        received: 3,
        sent: 4,
        watchesFired: 1,
        connections: 1,
        sessions: 1,
      });
    });
  });

  it.each<[object, typeof TypeError | typeof RangeError, string]>([
    [{ ports: 1 }, TypeError, 'Expected an option of TestServer.start, got `ports`. Did you mean `port`?'],
    [{ tickTime: 100 }, TypeError, 'Did you mean `tickTimeMs`?'],
    [{ port: '2181' }, TypeError, "Expected `port` to be a number, got '2181'"],
    [{ port: -1 }, RangeError, 'Expected `port` to be from 0 to 65535, got -1'],
    [{ port: 2181.5 }, RangeError, 'Expected `port` to be a whole number, got 2181.5'],
    [{ host: 127 }, TypeError, 'Expected `host` to be a string that is not empty, got 127'],
    [{ tickTimeMs: 0 }, RangeError, 'Expected `tickTimeMs` to be 1 or more, got 0'],
    [{ minSessionTimeoutMs: 20_000 }, RangeError, 'to be at most `maxSessionTimeoutMs` (10000), got 20000'],
    [{ clock: Date }, TypeError, 'Expected `clock` to be a clock with now, wallNow and schedule, got a function'],
    [{ seed: '1' }, TypeError, "Expected `seed` to be a number, got '1'"],
    [{ ttlZnodes: 'no' }, TypeError, "Expected `ttlZnodes` to be true or false, got 'no'"],
    [{ superDigest: 'super:secret' }, TypeError, 'Expected `superDigest` to be a digest from `digestOf`'],
    [{ commands: 'ruok' }, TypeError, "Expected `commands` to be an array, got 'ruok'"],
    [{ commands: ['ruko'] }, TypeError, "Expected `commands[0]` to be a known name, got 'ruko'. Did you mean `ruok`?"],
    [{ snapshot: 'tree.json' }, TypeError, "Expected `snapshot` to be what `snapshot()` gave, got 'tree.json'"],
    [{ compat: '3.7' }, TypeError, "Expected `compat` to be a known name, got '3.7'. Did you mean `3.8` or `3.9`?"],
  ])('refuses the options %o', async (options, type, message) => {
    const refused = TestServer.start(options).catch((error: unknown) => error);
    expect(await refused).toBeInstanceOf(type);
    expect(`${await refused}`).toContain(message);
  });

  it('refuses what is no option at all, and takes one that is undefined for left out', async () => {
    await expect(TestServer.start(null as never)).rejects.toThrow('to be given an object, got null');
    await withServer({ port: undefined, seed: undefined } as object, async (server) => {
      expect(await server.mode()).toBe('standalone');
    });
  });

  it('refuses sessions, paths and words that can be none', async () => {
    await withServer({}, async (server) => {
      expect(() => server.expireSession(1 as never)).toThrow('to be the id of a session, a bigint, got 1');
      expect(() => server.disconnect('al' as never)).toThrow("a bigint, or 'all', got 'al'");
      expect(() => server.dump('job')).toThrow("Expected `path` to be a path that begins with '/', got 'job'");
      await expect(server.command('rouk' as never)).rejects.toThrow('Did you mean `ruok`?');
    });
    expect(() => new VirtualClock().advance('5' as never)).toThrow("Expected `ms` to be a number, got '5'");
  });

  it('listens on an address of IPv6: it stands in brackets in the connect string, which the client takes', async () => {
    await withServer({ host: '::1' }, async (server) => {
      expect(server.connectString).toBe(`[::1]:${server.port}`);
      const client = await ZooKeeper.connect(server.connectString);
      const address = '0:0:0:0:0:0:0:1';
      expect(await client.whoAmI()).toEqual([{ authScheme: 'ip', user: address }]);
      const acl = [{ perms: Perms.ALL, id: { scheme: 'ip', id: '::1/128' } }];
      await client.create('/v6', 'mine', { acl });
      expect((await client.getData('/v6')).data?.toString()).toBe('mine');
      expect(await server.command('cons')).toContain(` /${address}:`);
      expect(await fourLetterWord(server.connectString, 'ruok')).toBe('imok');
      await client.close();
    });
  });
});

describe('the command', () => {
  const command = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

  it('serves on a port, and keeps its tree in a file', async () => {
    await build();
    const folder = await mkdtemp(join(tmpdir(), 'zk-recipes-test-server-'));
    const file = join(folder, 'tree.json');
    try {
      for (const expected of [-101, 0]) {
        const child = spawn(process.execPath, [command, '--port', '0', '--tick-time', '100', '--snapshot', file]);
        const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
        const client = await WireClient.connect(/\S+:\d+$/.exec(line)?.[0] ?? line, { timeoutMs: 1_000_000 });
        expect(client.response?.timeOut).toBe(2000);
        expect((await exists(client, '/kept')).err).toBe(expected);
        await createPlain(client, '/kept');
        child.kill('SIGTERM');
        expect(await once(child, 'exit')).toEqual([0, null]);
      }
      expect(JSON.parse(await readFile(file, 'utf8')).format).toBe(1);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('says how it is used, and what is wrong', async () => {
    await build();
    const { stdout } = await promisify(execFile)(process.execPath, [command, '--help']);
    const source = await readFile(new URL('../src/cli.ts', import.meta.url), 'utf8');
    const names = [...source.matchAll(/^ {2}'?([a-z-]+)'?: \{ type:/gm)].map(([, name]) => name);
    expect(names).toContain('compat');
    for (const name of names) expect(stdout).toContain(`  --${name} `);
    for (const [args, stderr] of [
      [['--port', 'x'], "Expected --port to be a number, got 'x'\n"],
      [['--prot', '1'], "Expected an option, got '--prot'. Did you mean `--port`?\n"],
      [['--compat', '3.7'], "Expected `compat` to be a known name, got '3.7'. Did you mean `3.8` or `3.9`?\n"],
    ] as const) {
      await expect(promisify(execFile)(process.execPath, [command, ...args])).rejects.toMatchObject({ stderr });
    }
  });

  it('behaves like the version that it is told', async () => {
    await build();
    const child = spawn(process.execPath, [command, '--port', '0', '--compat', '3.8']);
    try {
      const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
      const client = await WireClient.connect(/\S+:\d+$/.exec(line)?.[0] ?? line);
      await exists(client, '/told', true);
      client.send(OpCode.create, CreateRequest, { path: '/told', data: null, acl: OPEN, flags: 0 });
      expect((await client.nextReply()).events).toMatchObject([{ path: '/told', zxid: -1n }]);
    } finally {
      child.kill('SIGTERM');
      expect(await once(child, 'exit')).toEqual([0, null]);
    }
  });

  async function build(): Promise<void> {
    const root = fileURLToPath(new URL('../../..', import.meta.url));
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    await promisify(execFile)(process.execPath, [compiler, '-b', 'packages/test-server'], { cwd: root });
  }
});
