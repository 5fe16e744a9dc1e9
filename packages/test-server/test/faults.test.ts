import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OpCode, PathRequest } from 'zookeeper-ts-client/protocol';
import { TestServer, VirtualClock } from '../src/index.js';
import { create, createPlain, eventsOf, exists, getChildren, getData, multi, setData } from './conformance/calls.js';
import { WireClient, type WireOptions } from './wire-client.js';

let clock: VirtualClock;
let server: TestServer;
let clients: WireClient[];

beforeEach(async () => {
  clock = new VirtualClock();
  clients = [];
  server = await TestServer.start({ clock });
});

afterEach(async () => {
  for (const client of clients) await client[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

async function connect(options?: WireOptions): Promise<WireClient> {
  const client = await WireClient.connect(server.connectString, options);
  clients.push(client);
  return client;
}

function resume(client: WireClient): Promise<WireClient> {
  return connect({ sessionId: client.sessionId, password: client.response?.passwd ?? null });
}

describe('faults', () => {
  it('drop a reply after the request was applied, and cut the connection', async () => {
    const client = await connect();
    const happened = server.faults.dropReplyOnce({ op: 'create' });
    await exists(client, '/');
    await expect(create(client, '/a')).rejects.toThrow(/connection ended/);
    expect(await happened).toMatchObject({ sessionId: client.sessionId, operation: 'create2', path: '/a' });
    expect(server.dump('/a')).toHaveLength(1);
    const again = await resume(client);
    expect((await createPlain(again, '/a')).err).toBe(-110);
  });

  it('drop a request before it is applied, the nth of those that match', async () => {
    const client = await connect();
    const happened = server.faults.dropRequestOnce({ op: OpCode.create, nth: 2 });
    await create(client, '/zeroth');
    await createPlain(client, '/first');
    await expect(createPlain(client, '/second')).rejects.toThrow(/connection ended/);
    expect((await happened).path).toBe('/second');
    expect(server.dump('/second')).toEqual([]);
  });

  it('meet one session, or whatever a test of the request says', async () => {
    const [client, other] = [await connect(), await connect()];
    server.faults.throttle({ sessionId: client.sessionId, when: ({ path }) => path === '/' });
    expect((await exists(client, '/')).err).toBe(-127);
    expect((await exists(client, '/zookeeper')).err).toBe(0);
    expect((await exists(other, '/')).err).toBe(0);
  });

  it('throttle, and let pings pass', async () => {
    const client = await connect();
    server.faults.throttle();
    expect((await createPlain(client, '/t')).err).toBe(-127);
    expect((await multi(client, [])).err).toBe(-127);
    await client.events();
    server.faults.clear();
    expect((await createPlain(client, '/t')).err).toBe(0);
  });

  it('throttle one request, the nth of those that match', async () => {
    const client = await connect();
    const happened = server.faults.throttleOnce({ op: 'create', nth: 2 });
    await create(client, '/a');
    expect((await createPlain(client, '/b')).err).toBe(-127);
    expect(await happened).toMatchObject({ path: '/b' });
    expect((await createPlain(client, '/b')).err).toBe(0);
  });

  it('lack an operation, as an older server: refused, and the connection ends', async () => {
    const client = await connect();
    server.faults.lack({ op: OpCode.createContainer });
    expect((await createPlain(client, '/known')).err).toBe(0);
    expect((await create(client, '/unknown', { opCode: OpCode.createContainer, flags: 4 })).err).toBe(-6);
    await client.ended();
    expect(server.dump('/unknown')).toEqual([]);
    server.faults.clear();
    const again = await resume(client);
    expect((await create(again, '/unknown', { opCode: OpCode.createContainer, flags: 4 })).err).toBe(0);
  });

  it('delay a reply by the clock, and what comes after it; the request is applied at once', async () => {
    const [client, other] = [await connect(), await connect()];
    server.faults.delay({ op: 'create', ms: 50 });
    const late = createPlain(client, '/late');
    await expect.poll(() => server.dump('/late')).toHaveLength(1);
    expect((await exists(other, '/late')).err).toBe(0);
    let isThere = false;
    const seen = late.then(() => {
      isThere = true;
    });
    clock.advance(49);
    await exists(other, '/late');
    expect(isThere).toBe(false);
    clock.advance(1);
    await seen;
  });

  it('refuse connections, and leave those that are open', async () => {
    const client = await connect();
    server.faults.refuseConnections();
    expect((await connect()).response).toBeNull();
    expect((await exists(client, '/')).err).toBe(0);
    server.faults.clear();
    expect((await connect()).response).not.toBeNull();
  });

  it('partition a client from the server in one direction, and deliver after healing', async () => {
    const [client, other] = [await connect(), await connect()];
    server.faults.partition(client.sessionId, 'to-client');
    const made = createPlain(client, '/p');
    await expect.poll(() => server.dump('/p')).toHaveLength(1);
    server.faults.heal(client.sessionId);
    expect((await made).err).toBe(0);
    server.faults.partition(client.sessionId, 'to-server');
    const reply = exists(client, '/p');
    await exists(other, '/p');
    const before = server.stats.requests.exists;
    server.faults.heal();
    expect((await reply).err).toBe(0);
    expect(server.stats.requests.exists).toBe((before ?? 0) + 1);
  });

  it('let a partitioned session expire, and hear nothing of its next connections', async () => {
    const client = await connect({ timeoutMs: 1000 });
    await createPlain(client, '/cut', 1);
    server.faults.partition(client.sessionId);
    const resumed = resume(client);
    clock.advance(2000);
    expect(server.sessions).toEqual([]);
    expect(server.dump('/cut')).toEqual([]);
    await expect.poll(() => server.stats.connections).toBe(1);
    server.faults.heal();
    expect((await resumed).response?.timeOut).toBe(0);
  });

  it('show the past to a client, until it writes or syncs; watches come then, in order', async () => {
    const [reader, writer] = [await connect(), await connect()];
    await createPlain(writer, '/stale');
    await getData(reader, '/stale', true);
    server.faults.staleReads(reader.sessionId);
    await setData(writer, '/stale', 'new');
    await createPlain(writer, '/stale/child');
    expect((await getChildren(reader, '/stale', true)).value?.children).toEqual([]);
    expect(await eventsOf(reader)).toEqual([]);
    reader.send(OpCode.sync, PathRequest, { path: '/' });
    const { events } = await reader.nextReply();
    expect(events.map(({ type, path }) => `${type} ${path}`)).toEqual(['3 /stale', '4 /stale']);
    expect((await getData(reader, '/stale')).value?.stat.version).toBe(1);
    server.faults.staleReads();
    await createPlain(writer, '/later');
    expect((await exists(reader, '/later')).err).toBe(-101);
    expect((await createPlain(reader, '/mine')).err).toBe(0);
    expect((await exists(reader, '/later')).err).toBe(0);
  });

  it('tell when a request comes', async () => {
    const client = await connect();
    const seen = server.faults.untilRequest({ op: 'getChildren', path: '/' });
    await getChildren(client, '/');
    expect((await seen).opCode).toBe(OpCode.getChildren2);
  });

  it('tell of all requests as they come, before anything is done, until it is ended', async () => {
    const client = await connect();
    const seen: string[] = [];
    const end = server.faults.onRequest(({ operation, path }) => {
      seen.push(`${operation} ${path} ${server.dump('/x').length}`);
    });
    await createPlain(client, '/x');
    await getChildren(client, '/x');
    end();
    await getChildren(client, '/x');
    expect(seen).toEqual(['create /x 0', 'getChildren2 /x 1']);
  });

  it('refuse numbers out of their range', () => {
    expect(() => server.faults.delay({ ms: -1 })).toThrow(RangeError);
    expect(() => server.faults.dropReplyOnce({ nth: 0 })).toThrow(RangeError);
    expect(() => server.faults.dropReplyOnce({ nth: 1.5 })).toThrow(RangeError);
  });

  it.each<[object, string]>([
    [{ opp: 'create' }, '`opp`. Did you mean `op`?'],
    [{ op: 'set' }, "Expected `op` to be a known name, got 'set'. Did you mean `setData` or `setACL` or `setWatches`"],
    [{ op: 'remove' }, "got 'remove'. Did you mean `removeWatches`?"],
    [{ op: 'auth' }, "Expected `op` to be a known name, got 'auth'."],
    [{ op: 51 }, 'Expected `op` to be a name or the code of an operation, got 51. The nearest is 22, multiRead'],
    [{ op: OpCode.auth }, 'got 100. No fault meets auth'],
    [{ op: null }, 'Expected `op` to be a known name, got null. There are `create`, '],
    [{ path: 'job' }, "Expected `path` to be a path that begins with '/', got 'job'"],
    [{ sessionId: 5 }, 'Expected `sessionId` to be the id of a session, a bigint, got 5'],
    [{ when: true }, 'Expected `when` to be a function, got true'],
  ])('that could never happen are refused: %o', (match, message) => {
    const { faults } = server;
    const methods = [
      'dropReplyOnce',
      'dropRequestOnce',
      'untilRequest',
      'throttle',
      'throttleOnce',
      'lack',
      'delay',
    ] as const;
    for (const method of methods) {
      const attempt = () => faults[method]({ ms: 1, ...match } as never);
      const matchOf = () => (method === 'delay' ? attempt() : faults[method](match as never));
      expect(matchOf).toThrow(TypeError);
      expect(matchOf).toThrow(message);
    }
    expect(faults.isIdle).toBe(true);
  });

  it('say which of them refuses an option', () => {
    const { faults } = server;
    expect(() => faults.throttle({ nth: 2 } as never)).toThrow('Expected an option of throttle, got `nth`.');
    expect(() => faults.dropReplyOnce('create' as never)).toThrow(
      "Expected dropReplyOnce to be given an object, got 'create'",
    );
    expect(() => faults.delay({ op: 'create' } as never)).toThrow('Expected `ms` to be a number, got undefined');
    expect(() => faults.dropReplyOnce({ nth: '2' } as never)).toThrow("Expected `nth` to be a number, got '2'");
  });

  it('of the network and of views are refused for sessions and directions that can be none', () => {
    const { faults } = server;
    const who = "to be the id of a session, a bigint, or 'all', got 5";
    expect(() => faults.partition(5 as never)).toThrow(who);
    expect(() => faults.heal(5 as never)).toThrow(who);
    expect(() => faults.staleReads(5 as never)).toThrow(who);
    expect(() => faults.partition('all', 'to-clients' as never)).toThrow("got 'to-clients'. Did you mean `to-client`?");
    expect(() => faults.onRequest('create' as never)).toThrow("Expected `listener` to be a function, got 'create'");
  });

  it('have types that refuse what the checks refuse', () => {
    const { faults } = server;
    // @ts-expect-error there is no such option
    expect(() => faults.dropReplyOnce({ opp: 'create' })).toThrow(TypeError);
    // @ts-expect-error there is no such operation
    expect(() => faults.dropReplyOnce({ op: 'set' })).toThrow(TypeError);
    // @ts-expect-error credentials are no requests
    expect(() => faults.dropReplyOnce({ op: 'auth' })).toThrow(TypeError);
  });
});

describe('sessions', () => {
  it('tell who watches what, while connected', async () => {
    const [client, other] = [await connect(), await connect()];
    await getData(client, '/', true);
    await getChildren(client, '/', true);
    await exists(other, '/missing', true);
    expect(server.sessions.map(({ watches }) => watches)).toEqual([['/', '/'], ['/missing']]);
    server.disconnect(client.sessionId);
    await client.ended();
    await expect.poll(() => server.sessions.map(({ watches }) => watches)).toEqual([[], ['/missing']]);
  });
});

describe('expireSession and disconnect', () => {
  it('end a session at once', async () => {
    const [client, observer] = [await connect(), await connect()];
    await createPlain(client, '/e', 1);
    await exists(observer, '/e', true);
    expect(server.expireSession(client.sessionId)).toBe(true);
    await client.ended();
    expect(await eventsOf(observer)).toEqual(['2 /e']);
    expect(server.expireSession(client.sessionId)).toBe(false);
    expect((await resume(client)).response?.timeOut).toBe(0);
  });

  it('break one connection or all, and keep the sessions', async () => {
    const [client, other] = [await connect(), await connect()];
    await create(client, '/d', { flags: 1 });
    server.disconnect(client.sessionId);
    await client.ended();
    expect((await exists(other, '/d')).err).toBe(0);
    server.disconnect('all');
    await other.ended();
    expect(server.sessions.map(({ id, ephemerals }) => [id, ephemerals])).toEqual([
      [client.sessionId, ['/d']],
      [other.sessionId, []],
    ]);
    expect((await resume(client)).sessionId).toBe(client.sessionId);
  });
});
