import { afterEach, beforeEach, expect, it } from 'vitest';
import { fourLetterWord } from '../servers/four-letter-word.js';
import { until } from '../until.js';
import { describeOnSharedServer, freshPath, sharedServer } from '../vitest/index.js';
import { RawClient, ustring } from './raw-client.js';
import { TcpProxy } from './tcp-proxy.js';

const create = 1;
const exists = 3;
const ping = 11;
const noNode = -101;

describeOnSharedServer('TcpProxy', () => {
  let proxy: TcpProxy;
  let client: RawClient;

  beforeEach(async () => {
    proxy = await TcpProxy.inFrontOf(sharedServer().connectString.split(',')[0] as string);
    client = await RawClient.connect(proxy.connectString);
  });

  afterEach(async () => {
    await client[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });

  it('passes handshakes, requests and four-letter words, and counts the requests', async () => {
    expect(client.sessionId).not.toBe(0n);
    expect(await client.call(exists, existsRecord('/zookeeper'))).toMatchObject({ xid: 1, error: 0 });
    expect((await client.call(exists, existsRecord(freshPath('none'))))?.error).toBe(noNode);
    await client.call(ping);
    expect(await fourLetterWord(proxy.port, 'srvr')).toContain('Mode: ');
    expect(proxy.requestCount(exists)).toBe(2);
    expect([...proxy.requests]).toEqual([
      [exists, 2],
      [ping, 1],
    ]);
  });

  it('cuts connections, refuses new ones and accepts them again', async () => {
    proxy.cut();
    expect(await client.reply()).toBeUndefined();
    proxy.refuse();
    await expect(RawClient.connect(proxy.connectString)).rejects.toThrow('ECONNREFUSED');
    await proxy.accept();
    const again = await RawClient.connect(proxy.connectString);
    expect((await again.call(exists, existsRecord('/')))?.error).toBe(0);
    await again[Symbol.asyncDispose]();
  });

  it('turns new connections away and leaves open ones alone', async () => {
    proxy.turnAway();
    const refused = await RawClient.connect(proxy.connectString).then(
      (turnedAway) => turnedAway[Symbol.asyncDispose](),
      (error: unknown) => error,
    );
    expect(refused).toBeInstanceOf(Error);
    expect((await client.call(exists, existsRecord('/')))?.error).toBe(0);
    await proxy.accept();
    await (await RawClient.connect(proxy.connectString))[Symbol.asyncDispose]();
  });

  it('listens where it is told to', async () => {
    const other = await TcpProxy.inFrontOf(proxy.connectString, { host: '127.0.0.2', port: proxy.port });
    expect(other.connectString).toBe(`127.0.0.2:${proxy.port}`);
    await (await RawClient.connect(other.connectString))[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
  });

  it.each(['to-server', 'to-client', 'both'] as const)('holds back what goes %s, until it heals', async (direction) => {
    proxy.blackhole({ direction });
    const seen = proxy.untilRequest(exists);
    const reply = client.call(exists, existsRecord('/'));
    await seen;
    expect(await Promise.race([reply, afterRoundTrip()])).toBe('nothing');
    proxy.heal();
    expect((await reply)?.error).toBe(0);
  });

  it('lets the server hear of no end while it is a black hole', async () => {
    proxy.blackhole();
    const session = `0x${client.sessionId.toString(16)}`;
    await client[Symbol.asyncDispose]();
    await afterRoundTrip();
    expect(await fourLetterWord(sharedServer().connectString, 'cons')).toContain(session);
    proxy.heal();
    await until(
      async () => !(await fourLetterWord(sharedServer().connectString, 'cons')).includes(session) || undefined,
      {
        what: 'the server to drop the connection',
      },
    );
  });

  it('delays, and keeps the order when the delay shrinks', async () => {
    proxy.delay(60);
    const start = performance.now();
    const seen = proxy.untilRequest(exists);
    const first = client.send(exists, existsRecord('/'));
    await seen;
    proxy.delay(0);
    const second = client.send(exists, existsRecord('/'));
    expect((await client.reply())?.xid).toBe(first);
    expect(performance.now() - start).toBeGreaterThanOrEqual(60);
    expect((await client.reply())?.xid).toBe(second);
  });

  it('loses a reply after the server has applied the request', async () => {
    const path = freshPath('lost-reply');
    const lost = proxy.loseReplyOnce({ op: create });
    expect(await client.call(create, createRecord(path))).toBeUndefined();
    expect(await lost).toEqual({ xid: 1, op: create, path });
    expect(await isThere(path)).toBe(true);
  });

  it('loses a request before the server has seen it', async () => {
    const path = freshPath('lost-request');
    const lost = proxy.loseRequestOnce({ op: (request) => request.path === path });
    expect(await client.call(create, createRecord(path))).toBeUndefined();
    expect((await lost).op).toBe(create);
    expect(await isThere(path)).toBe(false);
  });

  it('counts to the nth request', async () => {
    const paths = [freshPath('nth'), freshPath('nth'), freshPath('nth')];
    const lost = proxy.loseRequestOnce({ op: create, nth: 3 });
    for (const path of paths) await client.call(create, createRecord(path));
    expect((await lost).path).toBe(paths[2]);
    expect(await Promise.all(paths.map(isThere))).toEqual([true, true, false]);
  });

  it('keeps a fault for another request when the connection ends before the reply', async () => {
    const path = freshPath('missed');
    const lost = proxy.loseReplyOnce({ op: create });
    proxy.blackhole({ direction: 'to-server' });
    const seen = proxy.untilRequest(create);
    client.send(create, createRecord(freshPath('never')));
    await seen;
    proxy.cut();
    proxy.heal();
    const again = await RawClient.connect(proxy.connectString);
    expect(await again.call(create, createRecord(path))).toBeUndefined();
    expect((await lost).path).toBe(path);
  });
});

/** Resolves after a request on another connection has had time to be answered, straight from the server. */
async function afterRoundTrip(): Promise<'nothing'> {
  await isThere('/');
  return 'nothing';
}

async function isThere(path: string): Promise<boolean> {
  const direct = await RawClient.connect(sharedServer().connectString.split(',')[0] as string);
  const reply = await direct.call(exists, existsRecord(path));
  await direct[Symbol.asyncDispose]();
  return reply?.error === 0;
}

function existsRecord(path: string): Buffer {
  return Buffer.concat([ustring(path), Buffer.of(0)]);
}

/** A persistent znode without data that anybody may do anything with. */
function createRecord(path: string): Buffer {
  const int = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value, 0);
    return bytes;
  };
  return Buffer.concat([ustring(path), int(-1), int(1), int(31), ustring('world'), ustring('anyone'), int(0)]);
}
