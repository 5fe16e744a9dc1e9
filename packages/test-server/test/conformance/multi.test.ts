import { expect, it } from 'vitest';
import { type MultiRequestItem, OpCode } from 'zookeeper-ts-client/protocol';
import { addWatch, createPlain, eventsOf, exists, getData, multi, OPEN, setData } from './calls.js';
import { describeConformance } from './subjects.js';

const make = (path: string, flags = 0): MultiRequestItem => ({
  type: OpCode.create,
  request: { path, data: null, acl: OPEN, flags },
});
const make2 = (path: string): MultiRequestItem => ({
  type: OpCode.create2,
  request: { path, data: null, acl: OPEN, flags: 0 },
});
const drop = (path: string, version = -1): MultiRequestItem => ({ type: OpCode.delete, request: { path, version } });
const check = (path: string, version: number): MultiRequestItem => ({ type: OpCode.check, request: { path, version } });
const set = (path: string, text: string, version = -1): MultiRequestItem => ({
  type: OpCode.setData,
  request: { path, data: Buffer.from(text), version },
});
const read = (path: string): MultiRequestItem => ({ type: OpCode.getData, request: { path, watch: true } });
const list = (path: string): MultiRequestItem => ({ type: OpCode.getChildren, request: { path, watch: true } });

describeConformance('multi', {}, (subject) => {
  it('does everything in one transaction, each operation seeing those before', async () => {
    const client = await subject.connect();
    const { value, zxid } = await multi(client, [
      make('/m'),
      make('/m/c'),
      set('/m', 'x', 0),
      check('/m', 1),
      drop('/m/c'),
      make('/m/s-', 2),
      make('/m/s-', 2),
    ]);
    expect(value).toMatchObject([
      { type: 'create', path: '/m', stat: null },
      { type: 'create', path: '/m/c' },
      { type: 'setData', stat: { version: 1, mzxid: zxid, czxid: zxid } },
      { type: 'check' },
      { type: 'delete' },
      { type: 'create', path: '/m/s-0000000001' },
      { type: 'create', path: '/m/s-0000000002' },
    ]);
    expect((await exists(client, '/m')).value).toMatchObject({ pzxid: zxid, cversion: 4, numChildren: 2 });
  });

  it('fails in an odd form, and does nothing', async () => {
    const client = await subject.connect();
    await createPlain(client, '/odd');
    const { err, value } = await multi(client, [
      make('/odd/new'),
      check('/odd', 5),
      set('/odd', 'x'),
      drop('/missing'),
    ]);
    expect(err).toBe(0);
    expect(value).toEqual([0, -103, -2, -2].map((errorCode) => ({ type: 'error', errorCode })));
    expect((await exists(client, '/odd/new')).err).toBe(-101);
    expect((await getData(client, '/odd')).value?.stat.version).toBe(0);
  });

  it('has a create2’s Stat, where the version has it', async () => {
    const client = await subject.connect();
    const { value } = await multi(client, [make2('/m2')]);
    const [result] = value ?? [];
    expect(result?.type === 'create' && result.stat !== null).toBe(subject.behaviour.multiHasStat);
  });

  it('fires its watches operation by operation, before the reply, and none when it fails', async () => {
    const client = await subject.connect();
    await createPlain(client, '/mw');
    await addWatch(client, '/mw', 0);
    await addWatch(client, '/mw/x', 0);
    expect((await multi(client, [make('/mw/x'), set('/mw', '1'), check('/mw', 7)])).events).toEqual([]);
    const { events } = await multi(client, [make('/mw/x'), set('/mw', '1'), drop('/mw/x')]);
    expect(events).toEqual(['1 /mw/x', '4 /mw', '3 /mw', '2 /mw/x', '4 /mw']);
  });

  it('takes a container for what its flags say, until it is made', async () => {
    const client = await subject.connect();
    const { createContainer } = OpCode;
    const container = (path: string): MultiRequestItem => ({
      type: createContainer,
      request: { path, data: null, acl: OPEN, flags: 1 },
    });
    const together = await multi(client, [container('/flagged-container'), make('/flagged-container/child')]);
    expect(together.value).toEqual([0, -108].map((errorCode) => ({ type: 'error', errorCode })));
    expect((await multi(client, [container('/flagged-container')])).err).toBe(0);
    expect((await createPlain(client, '/flagged-container/child')).err).toBe(subject.behaviour.multiHasStat ? 0 : -108);
  });

  it('may be empty', async () => {
    const client = await subject.connect();
    expect((await multi(client, [])).value).toEqual([]);
  });

  it('refuses as a whole what is no write, or mixed', async () => {
    const client = await subject.connect();
    expect((await multi(client, [read('/')])).err).toBe(-5);
    expect((await multi(client, [make('/never'), read('/')])).err).toBe(-5);
    client.sendBytes(OpCode.multi, Buffer.from('00000007 00 ffffffff'.replaceAll(' ', ''), 'hex'));
    expect((await client.nextReply()).reply).toMatchObject({ err: -5 });
    expect((await exists(client, '/never')).err).toBe(-101);
  });

  it('lets the flags decide in a create, and takes a TTL for malformed when it is reached', async () => {
    const client = await subject.connect();
    expect((await multi(client, [make('/flagged'), make('/ttl', 5)])).err).toBe(-5);
    expect((await exists(client, '/flagged')).err).toBe(-101);
  });
});

describeConformance('multiRead', {}, (subject) => {
  it('answers each read by itself, and leaves no watch', async () => {
    const client = await subject.connect();
    await createPlain(client, '/r');
    await setData(client, '/r', 'data');
    await createPlain(client, '/r/c');
    const { value } = await multi(client, [read('/r'), read('/missing'), list('/r')], OpCode.multiRead);
    expect(value).toMatchObject([
      { type: 'getData', data: Buffer.from('data'), stat: { version: 1 } },
      { type: 'error', errorCode: -101 },
      { type: 'getChildren', children: ['c'] },
    ]);
    await setData(client, '/r', 'other');
    expect(await eventsOf(client)).toEqual([]);
  });

  it('refuses writes with an error and an empty result behind it', async () => {
    const client = await subject.connect();
    expect((await multi(client, [make('/never')], OpCode.multiRead)).err).toBe(-5);
    expect((await exists(client, '/never')).err).toBe(-101);
  });
});
