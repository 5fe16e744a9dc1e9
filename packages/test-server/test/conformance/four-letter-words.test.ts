import { fourLetterWord, serverStatus } from '@zk-recipes/test-support';
import { expect, it } from 'vitest';
import { createPlain, exists, getChildren, remove } from './calls.js';
import { describeConformance } from './subjects.js';

describeConformance('four-letter words', { tickTimeMs: 500, maxClientConnections: 5 }, (subject) => {
  const ask = (word: string) => fourLetterWord(subject.address, word);

  it('are all answered, and those that are none end the connection', async () => {
    expect(await ask('dirs')).toMatch(/^datadir_size: \d+\nlogdir_size: \d+\n$/);
    expect(await ask('gtmk')).toBe('306');
    expect(await ask('hash')).toBe('');
    for (const word of ['stmk', 'lead', 'orst', 'obsr', 'abcd']) expect([word, await ask(word)]).toEqual([word, '']);
  });

  it('reset what connections have counted, and what the server has', async () => {
    const client = await subject.connect();
    /** The sum over all connections, of which one is that which asks. */
    const count = async (word: string, name: string) =>
      [...(await ask(word)).matchAll(new RegExp(`${name}[=:] ?(\\d+)`, 'g'))].reduce(
        (sum, [, text]) => sum + Number(text),
        0,
      );
    for (let requests = 0; requests < 5; requests++) await exists(client, '/');
    expect(await count('stat', 'sent')).toBeGreaterThan(4);
    expect(await ask('crst')).toBe('Connection stats reset.\n');
    expect(await count('stat', 'sent')).toBe(0);
    expect(await count('srvr', 'Sent')).toBeGreaterThan(4);
    expect(await ask('srst')).toBe('Server stats reset.\n');
    expect(await count('srvr', 'Sent')).toBeLessThan(4);
    await client[Symbol.asyncDispose]();
  });

  it('say that the server is there', async () => {
    expect(await ask('ruok')).toBe('imok');
    expect(await ask('isro')).toBe('rw');
  });

  it('give the role, the last zxid and the number of znodes', async () => {
    const client = await subject.connect();
    const { zxid } = await createPlain(client, '/words');
    expect(await serverStatus(subject.address)).toEqual({ mode: 'standalone', zxid });
    for (const word of ['srvr', 'stat']) {
      expect(await ask(word)).toMatch(/^Zookeeper version: 3\.[\s\S]*\nMode: standalone\nNode count: 6\n$/);
    }
    expect(await ask('stat')).toMatch(/\nClients:\n \/127\.0\.0\.1:\d+\[\d\]\(queued=0,recved=\d+,sent=\d+\)\n/);
    await client[Symbol.asyncDispose]();
  });

  it('give numbers by name', async () => {
    const client = await subject.connect();
    await createPlain(client, '/mine', 1);
    await exists(client, '/mine', true);
    const values = new Map((await ask('mntr')).split('\n').map((line) => line.split('\t') as [string, string]));
    expect(values.get('zk_server_state')).toBe('standalone');
    expect(values.get('zk_ephemerals_count')).toBe('1');
    expect(values.get('zk_watch_count')).toBe('1');
    expect(await ask('wchs')).toBe('1 connections watching 1 paths\nTotal watches:1\n');
    const id = BigInt.asUintN(64, client.sessionId).toString(16);
    expect(await ask('dump')).toContain(`0x${id}:\n\t/mine\n`);
    expect(await ask('cons')).toContain(`sid=0x${id},`);
    await client[Symbol.asyncDispose]();
  });

  it('tell who watches which znode, and how many watches were hit', async () => {
    const client = await subject.connect();
    const hits = async () =>
      Object.fromEntries(
        [...(await ask('mntr')).matchAll(/^zk_sum_node_(\w+)_watch_count\s(\d+)$/gm)].map(([, kind, sum]) => [
          kind,
          sum,
        ]),
      );
    await createPlain(client, '/watched');
    const before = await hits();
    await exists(client, '/watched', true);
    await getChildren(client, '/watched', true);
    const id = BigInt.asUintN(64, client.sessionId).toString(16);
    expect(await ask('wchp')).toBe(`/watched\n\t0x${id}\n\n`);
    expect(await ask('wchc')).toBe(`0x${id}\n\t/watched\n\n`);
    expect(await ask('wchs')).toBe('1 connections watching 1 paths\nTotal watches:1\n');
    await remove(client, '/watched');
    expect(await ask('wchp')).toBe('\n');
    expect(await hits()).toEqual({ ...before, deleted: `${Number(before['deleted']) + 2}` });
    await client[Symbol.asyncDispose]();
  });

  it('give the configuration and the environment', async () => {
    expect(await ask('conf')).toMatch(
      /\ntickTime=500\nmaxClientCnxns=5\nminSessionTimeout=1000\nmaxSessionTimeout=10000\n/,
    );
    const environment = await ask('envi');
    expect(environment).toMatch(/^Environment:\nzookeeper\.version=3\./);
    const names = [...environment.matchAll(/^([a-z.]+)=./gm)].map(([, name]) => name);
    expect(names).toEqual(
      expect.arrayContaining(['host.name', 'java.version', 'java.io.tmpdir', 'os.version', 'user.dir']),
    );
  });
});
