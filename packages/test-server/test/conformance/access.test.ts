import { expect, it } from 'vitest';
import { type Acl, OpCode, WhoAmIResponse } from 'zookeeper-ts-client/protocol';
import { digestOf } from '../../src/index.js';
import type { WireClient } from '../wire-client.js';
import {
  addAuth,
  call,
  create,
  createPlain,
  exists,
  getAcl,
  getChildren,
  getData,
  multi,
  OPEN,
  remove,
  setAcl,
  setData,
} from './calls.js';
import { describeConformance } from './subjects.js';

const acl = (perms: number, scheme: string, id: string): readonly Acl[] => [{ perms, id: { scheme, id } }];
const texts = (list: readonly Acl[] | undefined) =>
  list?.map(({ perms, id }) => `${id.scheme}:${id.id}:${perms}`).toSorted();
const NOTHING = { write: () => {} };

async function whoAmI(client: WireClient): Promise<readonly string[] | undefined> {
  const { value } = await call(client, OpCode.whoAmI, NOTHING, undefined, WhoAmIResponse);
  return value?.clientInfo.map(({ authScheme, user }) => `${authScheme}:${user}`).toSorted();
}

describeConformance('access control', { superDigest: digestOf('super:secret') }, (subject) => {
  it('knows a client by its address and its credentials', async () => {
    const client = await subject.connect();
    expect(await addAuth(client, 'digest', 'ann:pw')).toMatchObject({ err: 0, zxid: 0n });
    expect(await addAuth(client, 'digest', 'ann:pw')).toMatchObject({ err: 0 });
    expect(await addAuth(client, 'ip', 'whatever')).toMatchObject({ err: 0 });
    expect(await whoAmI(client)).toEqual(['digest:ann', 'ip:127.0.0.1']);
  });

  it.each(['world', 'auth', 'super', 'nonsense'])(
    'refuses credentials of the scheme %s, then closes',
    async (scheme) => {
      const client = await subject.connect();
      expect(await addAuth(client, scheme, 'x')).toMatchObject({ err: -115, zxid: 0n });
      expect(await client.nextFrame()).toBeNull();
    },
  );

  it('computes digests as the reference has them', () => {
    expect(digestOf('bob:pw')).toBe('bob:ikIaKsbtGweaHnb/jKn7OHqbunM=');
  });

  it('wants a permission for each operation', async () => {
    const client = await subject.connect();
    const perms = { READ: 1, WRITE: 2, CREATE: 4, DELETE: 8, ADMIN: 16 };
    for (const [name, bit] of Object.entries(perms)) {
      await create(client, `/only-${name}`, { acl: OPEN });
      await createPlain(client, `/only-${name}/child`);
      await setAcl(client, `/only-${name}`, acl(bit, 'world', 'anyone'));
    }
    const errors = async (attempt: (path: string) => Promise<{ readonly err: number }>) => {
      const found: Record<string, number> = {};
      for (const name of Object.keys(perms)) found[name] = (await attempt(`/only-${name}`)).err;
      return found;
    };
    const but = (...names: string[]) =>
      Object.fromEntries(Object.keys(perms).map((name) => [name, names.includes(name) ? 0 : -102]));
    expect(await errors((path) => getData(client, path))).toEqual(but('READ'));
    expect(await errors((path) => getChildren(client, path))).toEqual(but('READ'));
    expect(await errors((path) => getAcl(client, path))).toEqual(but('READ', 'ADMIN'));
    expect(await errors((path) => setData(client, path, 'x'))).toEqual(but('WRITE'));
    expect(await errors((path) => createPlain(client, `${path}/new`))).toEqual(but('CREATE'));
    expect(await errors((path) => remove(client, `${path}/child`))).toEqual(but('DELETE'));
    const check = async (path: string) => {
      const { value } = await multi(client, [{ type: OpCode.check, request: { path, version: -1 } }]);
      return { err: value?.[0]?.type === 'error' ? value[0].errorCode : 0 };
    };
    expect(await errors(check)).toEqual(but('READ'));
    expect(await errors((path) => setAcl(client, path, OPEN))).toEqual(but('ADMIN'));
  });

  it('wants READ for exists, where the version does', async () => {
    const client = await subject.connect();
    await create(client, '/unreadable', { acl: acl(30, 'world', 'anyone') });
    expect((await exists(client, '/unreadable')).err).toBe(subject.behaviour.existsNeedsRead ? -102 : 0);
  });

  it.each<[string, readonly Acl[]]>([
    ['an empty list', []],
    ['an unknown scheme', acl(31, 'nobody', 'x')],
    ['another world', acl(31, 'world', 'someone')],
    ['a digest without a password', acl(31, 'digest', 'ann')],
    ['an address cut short', acl(31, 'ip', '10.0.0')],
    ['a mask that is too long', acl(31, 'ip', '10.0.0.0/33')],
    ['auth without credentials', acl(31, 'auth', '')],
    ['a second entry that is bad', [...OPEN, ...acl(31, 'nobody', 'x')]],
  ])('refuses an ACL with %s', async (_, list) => {
    const client = await subject.connect();
    expect((await create(client, '/bad-acl', { acl: list })).err).toBe(-114);
  });

  it('puts who the client is in the place of auth, and drops repetitions', async () => {
    const client = await subject.connect();
    await addAuth(client, 'digest', 'ann:pw');
    await addAuth(client, 'digest', 'bob:pw');
    await create(client, '/auth', { acl: [...acl(31, 'auth', ''), ...acl(31, 'auth', '')] });
    expect(texts((await getAcl(client, '/auth')).value?.acl)).toEqual(
      ['ann:pw', 'bob:pw'].map((credential) => `digest:${digestOf(credential)}:31`),
    );
  });

  it('lets in the right digest only, and hides digests from who may not administer', async () => {
    const [ann, eve] = [await subject.connect(), await subject.connect()];
    await addAuth(ann, 'digest', 'ann:pw');
    await addAuth(eve, 'digest', 'ann:wrong');
    const list = [...acl(31, 'digest', digestOf('ann:pw')), ...acl(1, 'world', 'anyone')];
    await create(ann, '/digest', { acl: list });
    expect((await setData(ann, '/digest', 'x')).err).toBe(0);
    expect((await setData(eve, '/digest', 'x')).err).toBe(-102);
    expect(texts((await getAcl(eve, '/digest')).value?.acl)).toEqual(['digest:ann:x:31', 'world:anyone:1']);
  });

  it('compares addresses by their leading bits', async () => {
    const client = await subject.connect();
    const errors: number[] = [];
    for (const [index, range] of ['127.0.0.1', '127.0.0.0/8', '0.0.0.0/0', '127.0.0.2', '10.0.0.0/8'].entries()) {
      await create(client, `/ip-${index}`, { acl: acl(31, 'ip', range) });
      errors.push((await getData(client, `/ip-${index}`)).err);
    }
    expect(errors).toEqual([0, 0, 0, -102, -102]);
  });

  it('lets the super user do everything', async () => {
    const [client, admin] = [await subject.connect(), await subject.connect()];
    await create(client, '/locked', { acl: acl(1, 'digest', digestOf('nobody:x')) });
    expect((await getData(client, '/locked')).err).toBe(-102);
    await addAuth(admin, 'digest', 'super:secret');
    expect(await whoAmI(admin)).toContain('super:');
    expect((await setAcl(admin, '/locked', OPEN)).err).toBe(0);
    expect((await getData(client, '/locked')).err).toBe(0);
  });

  it('forgets credentials with the connection', async () => {
    const client = await subject.connect();
    await addAuth(client, 'digest', 'ann:pw');
    const { sessionId } = client;
    const again = await subject.connect({ sessionId, password: client.response?.passwd ?? null });
    expect(await whoAmI(again)).toEqual(['ip:127.0.0.1']);
  });
});

describeConformance('quotas', { enforceQuota: true }, (subject) => {
  it('are counted without a new version, and enforced', async () => {
    const client = await subject.connect();
    await create(client, '/q', { data: Buffer.from('abc') });
    await createPlain(client, '/zookeeper/quota/q');
    const limits = Buffer.from('count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=3');
    await create(client, '/zookeeper/quota/q/zookeeper_limits', { data: limits });
    await create(client, '/zookeeper/quota/q/zookeeper_stats', { data: Buffer.from('count=0,bytes=0') });
    const used = async () => {
      const { value } = await getData(client, '/zookeeper/quota/q/zookeeper_stats');
      return [value?.data?.toString(), value?.stat.version];
    };
    expect(await used()).toEqual(['count=1,bytes=3', 0]);
    expect((await create(client, '/q/a', { data: Buffer.from('12345') })).err).toBe(0);
    expect(await used()).toEqual(['count=2,bytes=8', 0]);
    expect((await setData(client, '/q/a', '12345678')).err).toBe(-125);
    expect((await createPlain(client, '/q/b')).err).toBe(0);
    expect((await createPlain(client, '/q/c')).err).toBe(-125);
    const make = { type: OpCode.create, request: { path: '/q/c', data: null, acl: OPEN, flags: 0 } } as const;
    expect((await multi(client, [make])).value).toEqual([{ type: 'error', errorCode: -125 }]);
    await remove(client, '/q/b');
    await setData(client, '/q', '');
    expect(await used()).toEqual(['count=2,bytes=5', 0]);
  });
});
