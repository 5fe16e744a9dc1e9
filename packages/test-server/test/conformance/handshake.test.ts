import { expect, it } from 'vitest';
import { OpCode, PathRequest, SpecialXid } from 'zookeeper-ts-client/protocol';
import { WireClient } from '../wire-client.js';
import { createPlain, exists } from './calls.js';
import { describeConformance } from './subjects.js';

const TICK_MS = 200;

describeConformance('handshake and sessions', { tickTimeMs: TICK_MS }, (subject) => {
  it.each([
    [0, 2 * TICK_MS],
    [-5, 2 * TICK_MS],
    [1000, 1000],
    [1_000_000, 20 * TICK_MS],
  ])('asked for a timeout of %i ms, grants %i', async (timeoutMs, granted) => {
    const { response } = await subject.connect({ timeoutMs });
    expect(response?.timeOut).toBe(granted);
    expect(response?.passwd).toHaveLength(16);
  });

  it('sends its read-only flag only to whoever sent one', async () => {
    for (const [flag, length] of [
      ['', 36],
      ['00', 37],
    ] as const) {
      const client = await WireClient.open(subject.address);
      const start = `00000000 0000000000000000 00001770 0000000000000000 00000010 ${'00'.repeat(16)}${flag}`;
      const request = Buffer.from(start.replaceAll(' ', ''), 'hex');
      const header = Buffer.alloc(4);
      header.writeInt32BE(request.length);
      client.socket.write(Buffer.concat([header, request]));
      expect(await client.nextFrame()).toHaveLength(length);
      await client[Symbol.asyncDispose]();
    }
  });

  it('gives the password that Java makes of the session id', async () => {
    const { response } = await subject.connect();
    const again = await subject.connect({ sessionId: response?.sessionId ?? 0n, password: response?.passwd ?? null });
    expect(again.response?.sessionId).toBe(response?.sessionId);
    expect(again.response?.passwd).toEqual(response?.passwd);
  });

  it('resumes a session on a new connection, negotiates again, and closes the old one', async () => {
    const first = await subject.connect({ timeoutMs: 1000 });
    await createPlain(first, '/resumed', 1);
    const { sessionId } = first;
    const password = first.response?.passwd ?? null;
    const second = await subject.connect({ sessionId, password, timeoutMs: 2000 });
    expect(second.response?.timeOut).toBe(2000);
    await first.ended();
    expect((await exists(second, '/resumed')).value?.ephemeralOwner).toBe(sessionId);
  });

  it('answers a wrong password as an expired session, and has closed the connection of the right one', async () => {
    const owner = await subject.connect();
    const thief = await subject.connect({ sessionId: owner.sessionId, password: Buffer.alloc(16, 1) });
    expect(thief.response).toMatchObject({ timeOut: 0, sessionId: 0n, passwd: Buffer.alloc(16) });
    await thief.ended();
    await owner.ended();
  });

  it('answers an unknown session as expired', async () => {
    const { response } = await subject.connect({ sessionId: 77n, password: Buffer.alloc(16) });
    expect(response).toMatchObject({ timeOut: 0, sessionId: 0n });
  });

  it('closes without an answer for a client that has seen the future', async () => {
    const { response } = await subject.connect({ lastZxid: 1n << 40n });
    expect(response).toBeNull();
  });

  it('expires a silent session: its ephemerals go, and its watchers hear', async () => {
    const silent = await subject.connect({ timeoutMs: 2 * TICK_MS });
    const observer = await subject.connect({ timeoutMs: 20 * TICK_MS });
    await createPlain(silent, '/silent', 1);
    await exists(observer, '/silent', true);
    const event = observer.nextReply();
    await silent.ended();
    observer.send(OpCode.ping, undefined, undefined, SpecialXid.ping);
    expect((await event).events).toMatchObject([{ type: 2, path: '/silent' }]);
    const { response } = await subject.connect({
      sessionId: silent.sessionId,
      password: silent.response?.passwd ?? null,
    });
    expect(response?.timeOut).toBe(0);
  });

  it('keeps a session alive by pings', async () => {
    const client = await subject.connect({ timeoutMs: 2 * TICK_MS });
    const until = performance.now() + 8 * TICK_MS;
    while (performance.now() < until) await client.events();
    expect((await exists(client, '/')).err).toBe(0);
  });

  it('ends a session by closeSession: ephemerals go, the reply comes, then the end; what is behind it is not done', async () => {
    const client = await subject.connect();
    const observer = await subject.connect();
    await createPlain(client, '/closing', 1);
    const xid = client.send(OpCode.closeSession);
    client.send(OpCode.whoAmI);
    expect((await client.nextReply()).reply).toMatchObject({ xid, err: 0 });
    // A real server mostly says nothing to it any more; now and then it says that the session has expired.
    const { reply } = await client.nextReply();
    expect(reply?.err ?? -112).toBe(-112);
    await client.ended();
    expect((await exists(observer, '/closing')).err).toBe(-101);
  });

  it('echoes any xid, and answers a ping by its own', async () => {
    const client = await subject.connect();
    for (const xid of [7, 7, 0, -8, 2_147_483_647]) {
      expect((await client.call(OpCode.whoAmI, undefined, undefined, xid)).reply?.xid).toBe(xid);
    }
    expect((await client.call(OpCode.ping, undefined, undefined, 5)).reply?.xid).toBe(SpecialXid.ping);
  });

  it('answers an unknown operation, then closes; the session can be resumed', async () => {
    const client = await subject.connect();
    const { reply } = await client.call(1234);
    expect(reply).toMatchObject({ err: -6, zxid: -1n });
    await client.ended();
    const resumed = await subject.connect({
      sessionId: client.sessionId,
      password: client.response?.passwd ?? null,
    });
    expect(resumed.sessionId).toBe(client.sessionId);
  });

  it('closes on a handshake or a header that is cut short', async () => {
    const greeting = await WireClient.open(subject.address);
    greeting.sendFrame((writer) => writer.int(0));
    expect(await greeting.nextFrame()).toBeNull();
    const client = await subject.connect();
    client.sendFrame((writer) => writer.int(1));
    expect(await client.nextFrame()).toBeNull();
  });

  it.each([0x100000, -2])('closes on a frame of %i bytes', async (length) => {
    const client = await subject.connect();
    const header = Buffer.alloc(4);
    header.writeInt32BE(length);
    client.socket.write(header);
    expect(await client.nextFrame()).toBeNull();
  });

  it('takes a frame of 0xfffff bytes', async () => {
    const client = await subject.connect();
    client.sendBytes(OpCode.create, Buffer.alloc(0xfffff - 8));
    expect((await client.nextReply()).reply?.err).not.toBe(0);
  });

  it('answers requests in the order in which they came, however many at once', async () => {
    const client = await subject.connect();
    const xids = Array.from({ length: 200 }, (_, index) => {
      return index % 2 === 0 ? client.send(OpCode.whoAmI) : client.send(OpCode.sync, PathRequest, { path: '/' });
    });
    for (const xid of xids) expect((await client.nextReply()).reply?.xid).toBe(xid);
  });
});
