import { expect, it } from 'vitest';
import { AuthFailedError, digestAuth, SessionExpiredError } from '../src/index.js';
import { SpecialXid } from '../src/protocol/headers.js';
import { AuthPacket } from '../src/protocol/operations/auth.js';
import { SetWatches } from '../src/protocol/operations/watches.js';
import { Stat } from '../src/protocol/stat.js';
import { decoded, hex } from './bytes.js';
import { settled } from './fake-clock.js';
import { plainStat, replyFrame } from './fake-network.js';
import { FakeSession } from './fake-session.js';

it('sends nothing before the server has accepted the session', async () => {
  const session = new FakeSession({ auth: [digestAuth('u', 'p')] });
  const link = await session.attempt();
  await settled();
  expect(link.writes).toHaveLength(0);
  link.open();
  await settled();
  expect(link.writes).toHaveLength(1);
  expect(link.writes[0]).toHaveLength(4 + 45);
  expect(link.connectRequest).toMatchObject({ lastZxidSeen: 0n, sessionId: 0n, timeOut: 6000, readOnly: false });
  expect(link.connectRequest?.passwd).toEqual(Buffer.alloc(16));
  link.accept({ timeOut: 4000, sessionId: -5n });
  await settled();
  expect(link.sent).toEqual(['auth']);
  link.receive(replyFrame(SpecialXid.auth));
  const zk = await session.connecting;
  expect(zk).toMatchObject({ sessionId: -5n, sessionTimeoutMs: 4000, state: 'connected', server: 'zk1:2181' });
  expect(zk.sessionPasswd).toEqual(Buffer.alloc(16, 7));
});

it('restores credentials, then watches, then sends what users ask for', async () => {
  const session = new FakeSession({ auth: [digestAuth('u', 'p')] });
  const zk = await session.connect();
  zk.addAuth('digest', 'v:q').catch(() => {});
  const read = zk.exists('/a', { watch: () => {} });
  await settled();
  session.link.answerWith(Stat, plainStat);
  await read;
  session.link.end();
  zk.getChildren('/b').catch(() => {});
  const link = await session.attempt();
  link.open();
  await settled();
  expect(link.writes).toHaveLength(1);
  expect(link.connectRequest).toMatchObject({ lastZxidSeen: 7n, sessionId: 0x77n, passwd: Buffer.alloc(16, 7) });
  link.accept();
  await settled();
  expect(link.sent).toEqual(['auth', 'auth', 'setWatches', 'getChildren2']);
  expect(link.writes).toHaveLength(2);
  const credentials = link.requests.slice(0, 2).map(({ body }) => decoded(AuthPacket, body).auth?.toString());
  expect(credentials).toEqual(['u:p', 'v:q']);
  expect(decoded(SetWatches, (link.requests[2] as { body: Buffer }).body)).toEqual({
    relativeZxid: 7n,
    dataWatches: ['/a'],
    existWatches: [],
    childWatches: [],
  });
});

it('takes credentials as bytes or as a string, and refuses what is neither', async () => {
  const session = new FakeSession({ auth: [{ scheme: 'digest', auth: 'u:p\u00e4' }] });
  const zk = await session.connect();
  expect(session.link.requests.map(({ body }) => decoded(AuthPacket, body).auth?.toString())).toEqual(['u:p\u00e4']);
  await expect(zk.addAuth('digest', 42 as unknown as string)).rejects.toThrow('Expected `auth` to be a Uint8Array or');
  await expect(zk.addAuth(42 as unknown as string, '')).rejects.toThrow('Expected `scheme` to be a string');
  expect(session.link.requests).toHaveLength(1);
});

it('goes on to the next server when one refuses in silence, answers too short, or sends garbage', async () => {
  const session = new FakeSession({ connectString: 'zk1,zk2,zk3,zk4,zk5' });
  const refusals = [
    () => session.link.end('refused'),
    () => session.link.receive(hex('00000010 00000000 0000000000000000 ffffff89')),
    () => session.link.receive(Buffer.from('HTTP/1.1 400 Bad Request\r\n')),
  ];
  for (const refuse of refusals) {
    (await session.attempt()).open();
    refuse();
    expect(session.link.isDestroyed).toBe(true);
  }
  (await session.attempt()).end('ECONNREFUSED');
  const zk = await session.connect();
  expect(session.network.attempts).toBe('zk1 zk2 zk3 zk4 zk5');
  expect(zk.server).toBe('zk5:2181');
});

it('gives each server its share of the session timeout, and pauses after all were tried', async () => {
  const session = new FakeSession({ connectString: 'zk1,zk2,zk3' });
  await session.attempt();
  for (const attempts of ['zk1', 'zk1 zk2', 'zk1 zk2 zk3']) {
    session.link.open();
    await session.clock.advance(1999);
    expect(session.network.attempts).toBe(attempts);
    await session.clock.advance(1);
  }
  await session.clock.advance(99);
  expect(session.network.attempts).toBe('zk1 zk2 zk3');
  await session.clock.advance(101);
  expect(session.network.attempts).toBe('zk1 zk2 zk3 zk1');
});

it('looks at what lies in the socket before it gives up an attempt that seems late', async () => {
  const session = new FakeSession();
  const link = await session.attempt();
  link.open();
  session.clock.block(60_000);
  link.accept();
  expect((await session.connecting).state).toBe('connected');
  expect(session.network.links).toHaveLength(1);
});

it('resumes a session of another process', async () => {
  const passwd = Buffer.alloc(16, 3);
  const session = new FakeSession({ session: { id: 9n, passwd } });
  const zk = await session.connect({ sessionId: 9n, passwd });
  expect(session.link.connectRequest).toMatchObject({ sessionId: 9n, passwd });
  expect(zk.sessionId).toBe(9n);
});

it('says that the session to be resumed is gone', async () => {
  const session = new FakeSession({ session: { id: 9n, passwd: Buffer.alloc(16) } });
  (await session.attempt()).accept({ timeOut: 0, sessionId: 0n });
  await expect(session.connecting).rejects.toThrow(SessionExpiredError);
  expect(session.clock.timerCount).toBe(0);
});

it('asks again where a server refuses a new session by a timeout of 0', async () => {
  const session = new FakeSession();
  (await session.attempt()).accept({ timeOut: 0, sessionId: 0n });
  expect((await session.connect()).state).toBe('connected');
});

it('gives up when the signal aborts, with the cause of each server', async () => {
  const controller = new AbortController();
  const session = new FakeSession({ connectString: 'zk1,zk2,zk3', signal: controller.signal });
  (await session.attempt()).end('ECONNREFUSED');
  (await session.attempt()).open();
  session.link.end('reset');
  await session.attempt();
  controller.abort(new Error('enough'));
  const error = await session.connecting.catch((reason: unknown) => reason as AggregateError);
  expect(error).toBeInstanceOf(AggregateError);
  const { errors, cause, message } = error as AggregateError;
  expect(errors.map((one) => one.message)).toEqual([
    'zk1:2181: ECONNREFUSED',
    expect.stringMatching(/^zk2:2181: no answer to the handshake .*: reset$/),
  ]);
  expect(cause).toEqual(new Error('enough'));
  expect(message).toMatch(/^Gave up connecting: zk1:2181: ECONNREFUSED; zk2:2181: no answer .*\(ZK_CONNECT_FAILED\)$/);
  expect(error).toMatchObject({ name: 'ConnectFailedError', code: 'ZK_CONNECT_FAILED' });
  expect(session.link.isDestroyed).toBe(true);
  expect(session.clock.timerCount).toBe(0);
});

it('gives up at once for a signal that has aborted', async () => {
  const session = new FakeSession({ signal: AbortSignal.abort(new Error('never')) });
  await expect(session.connecting).rejects.toThrow('no server has answered yet');
  expect(session.network.links).toHaveLength(0);
});

it('is not troubled by the signal once it is connected', async () => {
  const controller = new AbortController();
  const session = new FakeSession({ signal: controller.signal });
  const zk = await session.connect();
  controller.abort();
  await settled();
  expect(zk.state).toBe('connected');
});

it('fails to connect where the server refuses the credentials', async () => {
  const session = new FakeSession({ auth: [{ scheme: 'x', auth: Buffer.alloc(0) }] });
  (await session.attempt()).accept();
  await settled();
  session.link.receive(hex('00000010 fffffffc 0000000000000000 ffffff8d'));
  await expect(session.connecting).rejects.toThrow(AuthFailedError);
  expect(session.clock.timerCount).toBe(0);
});

it('waits until a server has taken the credentials, also over a lost connection', async () => {
  const session = new FakeSession({ auth: [digestAuth('u', 'p')] });
  (await session.attempt()).accept();
  await settled();
  let isConnected = false;
  session.connecting.then(() => {
    isConnected = true;
  });
  await session.reconnect();
  expect(isConnected).toBe(false);
  session.link.receive(replyFrame(SpecialXid.auth));
  await settled();
  expect(isConnected).toBe(true);
});

it.each<[string, object, string]>([
  [
    'an unknown option',
    { sessionTimeout: 1 },
    'Unknown option `sessionTimeout` of ZooKeeper.connect: did you mean `sessionTimeoutMs`?',
  ],
  ['a number out of range', { sessionTimeoutMs: 0 }, '`sessionTimeoutMs`'],
  ['a number that is not whole', { maxInFlight: 1.5 }, '`maxInFlight`'],
  ['a ceiling below the floor', { reconnect: { minDelayMs: 5, maxDelayMs: 4 } }, '`reconnect.maxDelayMs`'],
  [
    'credentials that are neither bytes nor a string',
    { auth: [{ scheme: 'digest', auth: 42 }] },
    'option `auth.0.auth` of ZooKeeper.connect to be a Uint8Array or a string, got number',
  ],
  [
    'pauses by another name',
    { reconnect: { minDelay: 5 } },
    'Unknown option `reconnect.minDelay` of ZooKeeper.connect: did you mean `reconnect.minDelayMs`?',
  ],
  [
    'pauses that are no object',
    { reconnect: 5 },
    'option `reconnect` of ZooKeeper.connect to be an object { minDelayMs: a whole number from 0 to 2147483647',
  ],
  [
    'a text for a boolean',
    { canBeReadOnly: 'no' },
    "option `canBeReadOnly` of ZooKeeper.connect to be a boolean, got 'no'",
  ],
  [
    'a text for a number',
    { maxInFlight: '5' },
    "option `maxInFlight` of ZooKeeper.connect to be a whole number from 1 to 2147483647, got '5'",
  ],
  [
    'a signal that is none',
    { signal: new AbortController() },
    'option `signal` of ZooKeeper.connect to be an AbortSignal, got an object of class AbortController',
  ],
  [
    'a zxid that is no bigint',
    { lastZxidSeen: 5 },
    'option `lastZxidSeen` of ZooKeeper.connect to be a bigint from 0n, got 5',
  ],
  [
    'credentials without their scheme',
    { auth: [{ auth: 'u:p' }] },
    'option `auth.0` of ZooKeeper.connect to be an object',
  ],
  ['a look-up that is no function', { lookup: '127.0.0.1' }, '`lookup`'],
  ['a session without its password', { session: { id: 1n } }, '`session`'],
  ['a password of another length', { session: { id: 1n, passwd: new Uint8Array(3) } }, '`session.passwd`'],
])('refuses %s, and names it', async (_, options, message) => {
  await expect(new FakeSession(options).connecting).rejects.toThrow(message);
});
