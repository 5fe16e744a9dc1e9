import { expect, it } from 'vitest';
import { JuteReader, MultiResponse, OpCode, SpecialXid } from 'zookeeper-ts-client/protocol';
import { aclEntry, boolean, bytes, int, long, MULTI_END, multiItem, record, vector } from '../raw-record.js';
import type { WireClient } from '../wire-client.js';
import { addAuth, createPlain, createTtl, exists, getAcl, getData, remove } from './calls.js';
import { describeConformance } from './subjects.js';

const OPEN = vector([aclEntry('world', 'anyone')]);
const createBody = (path: string | null, acl: Buffer, flags = 0): Buffer =>
  record(bytes(path), bytes('x'), acl, int(flags));

/** The error code of a request with a record of these bytes; `closed` when the connection ends instead. */
async function errorOf(client: WireClient, opCode: number, body: Buffer): Promise<number | 'closed'> {
  client.sendBytes(opCode, body);
  return (await client.nextReply()).reply?.err ?? 'closed';
}

/** The error code of a `multi` as a whole, and those of its operations. */
async function multiErrors(client: WireClient, ...items: readonly Buffer[]): Promise<readonly [number, ...unknown[]]> {
  client.sendBytes(OpCode.multi, record(...items, MULTI_END));
  const { reply } = await client.nextReply();
  if (reply === null) throw new Error('The connection ended instead of a reply to a multi');
  const results = reply.err === 0 ? MultiResponse.read(JuteReader.over(reply.bytes)) : [];
  return [reply.err, ...results.map((result) => (result.type === 'error' ? result.errorCode : result.type))];
}

describeConformance('ids of an ACL that are null', {}, (subject) => {
  const create = (client: WireClient, acl: Buffer) => errorOf(client, OpCode.create, createBody('/null-id', acl));

  it('stand for the client in the scheme auth, once it has credentials', async () => {
    const client = await subject.connect();
    expect(await create(client, vector([aclEntry('auth', null)]))).toBe(-114);
    await addAuth(client, 'digest', 'ann:pw');
    expect(await create(client, vector([aclEntry('auth', null)]))).toBe(0);
    const { value } = await getAcl(client, '/null-id');
    expect(value?.acl).toMatchObject([{ perms: 31, id: { scheme: 'digest' } }]);
    await remove(client, '/null-id');
  });

  it.each<[string | null, number]>([
    ['digest', -5],
    ['ip', -5],
    ['world', -5],
    ['nobody', -114],
    ['', -114],
    [null, -114],
  ])('of the scheme %s are refused', async (scheme, error) => {
    const client = await subject.connect();
    const acl = vector([aclEntry(scheme, null)]);
    expect(await create(client, acl)).toBe(error);
    expect(await errorOf(client, OpCode.setACL, record(bytes('/'), acl, int(-1)))).toBe(error);
    const item = multiItem(OpCode.create, createBody('/null-id', acl));
    expect(await multiErrors(client, item)).toEqual(error === -5 ? [-5] : [0, error]);
  });

  it('of a scheme that is null are refused, whatever the id', async () => {
    const client = await subject.connect();
    expect(await create(client, vector([aclEntry(null, 'anyone')]))).toBe(-114);
  });

  it('are malformed where entries are compared: behind an entry with the same permissions', async () => {
    const client = await subject.connect();
    await addAuth(client, 'digest', 'ann:pw');
    const [anyone, auth, none] = [aclEntry('world', 'anyone'), aclEntry('auth', null), aclEntry(null, null)];
    expect(await create(client, vector([auth, auth]))).toBe(-5);
    expect(await create(client, vector([anyone, none]))).toBe(-5);
    expect(await create(client, vector([none, anyone]))).toBe(-114);
    expect(await create(client, vector([aclEntry('world', 'anyone', 1), none]))).toBe(-114);
    expect(await create(client, vector([anyone, auth]))).toBe(0);
    await remove(client, '/null-id');
  });
});

describeConformance('lists that are null, or have a negative length', {}, (subject) => {
  it.each([-1, -5, -2_147_483_648])('of an ACL, a count of %i, are as an empty one', async (count) => {
    const client = await subject.connect();
    expect(await errorOf(client, OpCode.create, createBody('/list', int(count)))).toBe(-114);
    expect(await errorOf(client, OpCode.setACL, record(bytes('/'), int(count), int(-1)))).toBe(-114);
  });

  it('of an ACL in a multi are refused for the operation, or as a whole, as the version does it', async () => {
    const client = await subject.connect();
    const item = (count: number) => multiItem(OpCode.create, createBody('/list', int(count)));
    const whole = subject.behaviour.multiWantsAcl ? [-5] : [0, -114];
    const before = (await exists(client, '/')).zxid;
    expect(await multiErrors(client, item(-1))).toEqual(whole);
    // What fails while it is read by a null, and not by a length, takes no number of a transaction.
    expect((await exists(client, '/')).zxid).toBe(subject.behaviour.multiWantsAcl ? before : before + 1n);
    expect(await multiErrors(client, item(-5))).toEqual([0, -114]);
  });

  it('of watches are empty when the length is negative, and malformed when they are null', async () => {
    const client = await subject.connect();
    for (const [count, error] of [
      [-5, 0],
      [-1, -5],
    ] as const) {
      expect(await errorOf(client, OpCode.setWatches, record(long(0n), int(count), int(-5), int(-5)))).toBe(error);
    }
  });

  it('are malformed when the elements are fewer than the count', async () => {
    const client = await subject.connect();
    const acl = record(int(2), aclEntry('world', 'anyone'));
    expect(await errorOf(client, OpCode.create, createBody('/list', acl))).toBe(-5);
  });
});

describeConformance('paths that are null', {}, (subject) => {
  it('are refused as bad arguments where the path is validated, and as malformed elsewhere', async () => {
    const client = await subject.connect();
    const path = bytes(null);
    const attempts: readonly (readonly [name: keyof typeof OpCode, body: Buffer, error: number])[] = [
      ['create', createBody(null, OPEN), -5],
      ['create2', createBody(null, OPEN), -5],
      ['createContainer', createBody(null, OPEN), -5],
      ['createTTL', record(createBody(null, OPEN, 5), long(1000n)), -5],
      ['delete', record(path, int(-1)), -5],
      ['setData', record(path, bytes('x'), int(-1)), -8],
      ['setACL', record(path, OPEN, int(-1)), -8],
      ['exists', record(path, boolean(false)), -5],
      ['getData', record(path, boolean(false)), -5],
      ['getChildren', record(path, boolean(false)), -5],
      ['getChildren2', record(path, boolean(false)), -5],
      ['getACL', path, -5],
      ['getAllChildrenNumber', path, -5],
      ['sync', path, 0],
      ['getEphemerals', path, 0],
    ];
    for (const [name, body, error] of attempts) {
      expect([name, await errorOf(client, OpCode[name], body)]).toEqual([name, error]);
    }
  });

  it('are found to be wrong after the flags of a create', async () => {
    const client = await subject.connect();
    expect(await errorOf(client, OpCode.create, createBody(null, OPEN, 9))).toBe(-8);
    expect(await errorOf(client, OpCode.create, createBody(null, OPEN, 5))).toBe(-8);
  });

  it.each([
    ['create', createBody(null, OPEN)],
    ['delete', record(bytes(null), int(-1))],
    ['setData', record(bytes(null), bytes('x'), int(-1))],
    ['check', record(bytes(null), int(-1))],
  ] as const)('in a %s of a multi make it malformed as a whole', async (name, body) => {
    const client = await subject.connect();
    const failing = multiItem(OpCode.check, record(bytes('/missing'), int(-1)));
    expect(await multiErrors(client, failing, multiItem(OpCode[name], body))).toEqual([-5]);
  });

  it('in a multiRead end it with an error, behind which are the results so far', async () => {
    const client = await subject.connect();
    const read = (path: string | null) => multiItem(OpCode.getChildren, record(bytes(path), boolean(false)));
    client.sendBytes(OpCode.multiRead, record(read('/zookeeper/quota'), read(null), MULTI_END));
    const { reply } = await client.nextReply();
    expect(reply?.err).toBe(-5);
    expect(MultiResponse.read(JuteReader.over(reply?.bytes ?? Buffer.alloc(0)))).toEqual([
      { type: 'getChildren', children: [] },
    ]);
  });

  it('can be watched', async () => {
    const client = await subject.connect();
    expect(await errorOf(client, OpCode.removeWatches, record(bytes(null), int(3)))).toBe(-121);
    expect(await errorOf(client, OpCode.addWatch, record(bytes(null), int(0)))).toBe(0);
  });

  it('can be asked for, where the version keeps several modes of a path', async () => {
    const client = await subject.connect();
    const watches = record(bytes(null), int(3));
    const { keepsSeveralModes } = subject.behaviour;
    expect(await errorOf(client, OpCode.checkWatches, watches)).toBe(keepsSeveralModes ? -121 : -5);
    if (!keepsSeveralModes) return;
    expect(await errorOf(client, OpCode.addWatch, record(bytes(null), int(0)))).toBe(0);
    expect(await errorOf(client, OpCode.checkWatches, watches)).toBe(0);
    expect(await errorOf(client, OpCode.removeWatches, watches)).toBe(0);
    expect(await errorOf(client, OpCode.removeWatches, watches)).toBe(-121);
  });

  it('among those of setWatches are malformed for the one-time watches, and taken for the persistent ones', async () => {
    const client = await subject.connect();
    const lists = (...of: readonly Buffer[][]) => record(long(0n), ...of.map(vector));
    const none = [bytes(null)];
    expect(await errorOf(client, OpCode.setWatches, lists(none, [], []))).toBe(-5);
    expect(await errorOf(client, OpCode.setWatches, lists([], none, []))).toBe(-5);
    expect(await errorOf(client, OpCode.setWatches, lists([], [], none))).toBe(-5);
    expect(await errorOf(client, OpCode.setWatches2, lists([], [], [], none, []))).toBe(0);
  });
});

describeConformance('strings and data of a negative length', {}, (subject) => {
  it('are malformed, below -1', async () => {
    const client = await subject.connect();
    expect(await errorOf(client, OpCode.exists, record(bytes(-2), boolean(false)))).toBe(-5);
    expect(await errorOf(client, OpCode.setData, record(bytes('/'), bytes(-2), int(-1)))).toBe(-5);
    expect(await errorOf(client, OpCode.setData, record(bytes('/'), bytes(-1), int(-1)))).toBe(0);
    expect((await getData(client, '/')).value?.data).toBeNull();
  });
});

describeConformance('credentials that are null', {}, (subject) => {
  it.each<[string, string | null, string | null]>([
    ['of the scheme digest', 'digest', null],
    ['of no scheme', null, 'ann:pw'],
  ])('%s are refused, then the connection is closed', async (_, scheme, auth) => {
    const client = await subject.connect();
    client.sendBytes(OpCode.auth, record(int(0), bytes(scheme), bytes(auth)), SpecialXid.auth);
    expect((await client.nextReply()).reply).toMatchObject({ err: -115, xid: SpecialXid.auth, zxid: 0n });
    expect(await client.nextFrame()).toBeNull();
  });

  it('of the scheme ip are taken', async () => {
    const client = await subject.connect();
    client.sendBytes(OpCode.auth, record(int(0), bytes('ip'), bytes(null)), SpecialXid.auth);
    expect((await client.nextReply()).reply).toMatchObject({ err: 0 });
  });

  it('close the connection when they are cut short', async () => {
    const client = await subject.connect();
    client.sendBytes(OpCode.auth, int(0), SpecialXid.auth);
    expect(await client.nextFrame()).toBeNull();
  });
});

describeConformance('operations that clients do not send', {}, (subject) => {
  it('are refused, done or not answered, as the version does it: deleteContainer', async () => {
    const client = await subject.connect();
    await createPlain(client, '/twenty');
    await createPlain(client, '/twenty/ephemeral', 1);
    const attempts: readonly (readonly [path: string | null, error: number])[] = [
      ['/missing', -101],
      ['/twenty', -111],
      ['/twenty/ephemeral', -103],
      ['/zookeeper/quota', -8],
      ['noslash', -8],
      [null, -5],
    ];
    for (const [path, error] of attempts) {
      const sender = await subject.connect();
      const expected = { refused: -8, done: error, silence: 'closed' }[subject.behaviour.deleteContainer];
      expect([path, await errorOf(sender, OpCode.deleteContainer, bytes(path))]).toEqual([path, expected]);
    }
    await remove(client, '/twenty/ephemeral');
    const { zxid } = await exists(client, '/');
    await errorOf(await subject.connect(), OpCode.deleteContainer, bytes('/twenty'));
    const after = await exists(client, '/twenty');
    expect(after.err).toBe(subject.behaviour.deleteContainer === 'done' ? -101 : 0);
    // One for the session, and one for a request that was considered at all.
    expect(after.zxid - zxid).toBe(subject.behaviour.deleteContainer === 'silence' ? 1n : 2n);
  });

  it('are refused when they fail, and otherwise not answered, as the version does it: a check outside a multi', async () => {
    const { knowsCheck } = subject.behaviour;
    for (const [path, version, error] of [
      ['/', 77, -103],
      ['/missing', -1, -101],
      [null, -1, -8],
    ] as const) {
      const client = await subject.connect();
      expect(await errorOf(client, OpCode.check, record(bytes(path), int(version)))).toBe(knowsCheck ? error : -6);
    }
    const client = await subject.connect();
    const xid = client.sendBytes(OpCode.check, record(bytes('/'), int(-1)));
    const next = client.sendBytes(OpCode.sync, bytes('/'));
    expect((await client.nextReply()).reply?.xid).toBe(knowsCheck ? next : xid);
  });
});

describeConformance('SASL where there is none', {}, (subject) => {
  it('answers a token with none, and ends a connection whose token is null or malformed', async () => {
    for (const [token, error] of [
      [bytes('x'), 0],
      [bytes(null), 'closed'],
      [bytes(-7), 'closed'],
      [Buffer.alloc(0), 'closed'],
    ] as const) {
      expect(await errorOf(await subject.connect(), OpCode.sasl, token)).toBe(error);
    }
  });
});

describeConformance('TTL znodes in a multi', {}, (subject) => {
  it('by another operation than createTTL make it malformed: at once, or when it is reached, as the version does it', async () => {
    const client = await subject.connect();
    const failing = multiItem(OpCode.check, record(bytes('/missing'), int(-1)));
    for (const flags of [5, 6]) {
      const odd = multiItem(OpCode.create, createBody('/odd', OPEN, flags));
      expect(await multiErrors(client, odd)).toEqual([-5]);
      expect(await multiErrors(client, failing, odd)).toEqual(subject.behaviour.multiWantsAcl ? [-5] : [0, -101, -2]);
    }
    expect((await createTtl(client, '/ttl', 1_000_000)).err).toBe(0);
  });

  it('are containers, by createTTL with the flag of a container', async () => {
    const client = await subject.connect();
    const odd = multiItem(OpCode.createTTL, record(createBody('/container', OPEN, 4), long(0n)));
    client.sendBytes(OpCode.multi, record(odd, MULTI_END));
    const { reply } = await client.nextReply();
    expect(reply?.err).toBe(0);
    expect(MultiResponse.read(JuteReader.over(reply?.bytes ?? Buffer.alloc(0)))).toMatchObject([
      { type: 'create', path: '/container', stat: { ephemeralOwner: 0n } },
    ]);
  });
});

describeConformance('addresses of IPv6', {}, (subject) => {
  it.each(['::1', '2001:db8::/32', 'fe80:0:0:0:0:0:0:1/128', '::', '1::', '1:2:3:4:5:6:7::'])(
    'are ids of the scheme ip, where the version knows them: %s',
    async (id) => {
      const client = await subject.connect();
      const acl = vector([aclEntry('ip', id)]);
      const path = `/v6-${id.replaceAll('/', '-')}`;
      expect(await errorOf(client, OpCode.create, createBody(path, acl))).toBe(subject.behaviour.knowsIpv6 ? 0 : -114);
      if (subject.behaviour.knowsIpv6) expect((await getData(client, path)).err).toBe(-102);
    },
  );

  it.each([
    '::1/129',
    '::1/-1',
    '::1/x',
    ':::',
    '1:2:3',
    '1::2::3',
    '12345::',
    '::g',
    '1:2:3:4:5:6:7:8:9',
    ':1::',
    '::1%lo',
  ])('are refused when they are none: %s', async (id) => {
    const client = await subject.connect();
    expect(await errorOf(client, OpCode.create, createBody('/v6', vector([aclEntry('ip', id)])))).toBe(-114);
  });
});
