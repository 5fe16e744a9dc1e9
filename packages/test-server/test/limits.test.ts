import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { OpCode, ReadRequest } from 'zookeeper-ts-client/protocol';
import { TestServer, type TestServerOptions } from '../src/index.js';
import { create, exists } from './conformance/calls.js';
import { WireClient } from './wire-client.js';

let server: TestServer;

async function start(options: TestServerOptions): Promise<WireClient> {
  server = await TestServer.start(options);
  return await WireClient.connect(server.connectString, { timeoutMs: 10_000 });
}

afterEach(() => server[Symbol.asyncDispose]());

describe('a client that misbehaves harms only itself', () => {
  it('when it sends garbage', async () => {
    const good = await start({});
    for (let round = 0; round < 200; round++) {
      const socket = connect({ port: server.port, host: '127.0.0.1' });
      socket.on('error', () => {});
      socket.end(randomBytes(1 + (round % 60)));
      socket.resume();
      const bad = await WireClient.connect(server.connectString);
      bad.sendBytes((round % 24) - 1, randomBytes(round));
      bad.socket.end();
    }
    expect((await exists(good, '/')).err).toBe(0);
  });

  it('when it reads nothing: it is not served further, and at last disconnected', async () => {
    const good = await start({ maxUnreadBytes: 4 * 1024 * 1024 });
    await create(good, '/large', { data: Buffer.alloc(1_000_000) });
    const lazy = await WireClient.connect(server.connectString);
    lazy.socket.pause();
    for (let count = 0; count < 500; count++) lazy.send(OpCode.getData, ReadRequest, { path: '/large', watch: false });
    await expect.poll(() => server.stats.requests.getData).toBeGreaterThan(0);
    for (let count = 0; count < 20; count++) expect((await exists(good, '/')).err).toBe(0);
    expect(server.stats.requests.getData).toBeLessThan(100);
    lazy.socket.resume();
    for (let count = 0; count < 500; count++) expect((await lazy.nextReply()).reply?.err).toBe(0);
  });

  it('when events pile up that it does not read', async () => {
    const good = await start({ maxUnreadBytes: 256 * 1024 });
    const lazy = await WireClient.connect(server.connectString);
    lazy.sendBytes(OpCode.addWatch, Buffer.from('000000012f00000001', 'hex'));
    await lazy.nextReply();
    lazy.socket.pause();
    const path = `/${'x'.repeat(10_000)}`;
    for (let count = 0; server.stats.connections > 1 && count < 5000; count++) {
      good.sendBytes(count % 2 === 0 ? OpCode.create : OpCode.delete, record(path, count % 2 === 0));
      await good.nextReply();
    }
    expect(server.stats.connections).toBe(1);
    expect((await exists(good, '/')).err).toBe(0);
    lazy.socket.destroy();
  });
});

describe('limits', () => {
  it('of connections, by address and altogether', async () => {
    for (const option of [{ maxClientConnections: 2 }, { maxConnections: 2 }]) {
      const first = await start(option);
      const second = await WireClient.connect(server.connectString);
      expect((await WireClient.connect(server.connectString)).response).toBeNull();
      second.socket.destroy();
      await expect.poll(() => server.stats.connections).toBe(1);
      expect((await WireClient.connect(server.connectString)).response).not.toBeNull();
      first.socket.destroy();
      await server[Symbol.asyncDispose]();
    }
  });

  it('of a frame', async () => {
    const client = await start({ maxFrameBytes: 1000 });
    client.sendBytes(OpCode.create, Buffer.alloc(993));
    expect(await client.nextFrame()).toBeNull();
  });

  it('of the words that are answered', async () => {
    await start({ commands: ['ruok'] });
    expect(await server.command('ruok')).toBe('imok');
    expect(await server.command('stat')).toBe('stat is not executed because it is not in the whitelist.\n');
  });

  it('of what is a word at all: others are taken for a length', async () => {
    await start({});
    const stranger = await WireClient.open(server.connectString);
    stranger.socket.write('abcd');
    expect(await stranger.nextFrame()).toBeNull();
  });

  it('of TTL znodes', async () => {
    const client = await start({ ttlZnodes: false });
    client.sendBytes(OpCode.createTTL, Buffer.from('000000022f74ffffffff000000000000000500000000000003e8', 'hex'));
    expect((await client.nextReply()).reply?.err).toBe(-6);
    expect((await exists(client, '/')).err).toBe(0);
  });
});

describe('size', () => {
  it('allows for a thousand sessions', async () => {
    server = await TestServer.start();
    const clients = await Promise.all(Array.from({ length: 1000 }, () => WireClient.connect(server.connectString)));
    const made = await Promise.all(clients.map((client, index) => create(client, `/s${index}`, { flags: 1 })));
    expect(made.every(({ err }) => err === 0)).toBe(true);
    expect(server.sessions).toHaveLength(1000);
    for (const { socket } of clients) socket.destroy();
  });
});

function record(path: string, isCreate: boolean): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(path.length);
  const tail = isCreate ? `ffffffff000000010000001f00000005776f726c6400000006616e796f6e6500000000` : 'ffffffff';
  return Buffer.concat([length, Buffer.from(path), Buffer.from(tail, 'hex')]);
}
