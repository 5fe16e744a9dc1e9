import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findJavaTools, JavaPeer } from '@zk-recipes/test-support';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestServer } from '../../src/index.js';

const tools = await findJavaTools();
if (typeof tools === 'string') console.log(`Java clients: skipped, for ${tools}`);

describe.skipIf(typeof tools === 'string')('clients in Java', { timeout: 60_000 }, () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it('Apache Curator: mutex, latch, queue and cache', async () => {
    const peer = await JavaPeer.start(new URL('RecipesPeer.java', import.meta.url), [server.connectString]);
    expect((await peer.receive({ event: 'mutex' }))['log']).toEqual(['one in', 'one out', 'two in']);
    expect((await peer.receive({ event: 'latch' }))['log']).toEqual(['first', 'second']);
    expect((await peer.receive({ event: 'queue' }))['log']).toEqual(['a', 'b', 'c']);
    expect((await peer.receive({ event: 'cache' }))['log']).toEqual([
      'NODE_CREATED /cache',
      'NODE_CREATED /cache/a',
      'NODE_CHANGED /cache/a',
      'NODE_DELETED /cache/a',
    ]);
    await peer.receive({ event: 'done' });
    expect(await peer.exited).toBe(0);
  });

  it('ZooKeeper’s own shell', async () => {
    const said = await shell(
      'create /shell data',
      'get -s /shell',
      'create -s /shell/n- x',
      'create -c /shell/container',
      'create -t 5000 /shell/ttl',
      'set -v 5 /shell x',
      'set /shell more',
      'ls -R /shell',
      'addauth digest ann:pw',
      'whoami',
      'setAcl /shell auth::cdrwa',
      'getAcl /shell',
      'setquota -n 10 /shell',
      'listquota /shell',
      'delete /shell',
      'deleteall /shell',
      'stat /shell',
      'config',
    );
    for (const text of [
      'Created /shell\n',
      'dataVersion = 0',
      'Created /shell/n-0000000000',
      'Created /shell/container',
      'Created /shell/ttl',
      'version No is not valid : /shell',
      '/shell\n/shell/container\n/shell/n-0000000000\n/shell/ttl\n',
      'digest: ann',
      `'digest,'ann:`,
      'count=10',
      'Node not empty: /shell',
      'Node does not exist: /shell',
    ]) {
      expect(said).toContain(text);
    }
  });

  async function shell(...lines: readonly string[]): Promise<string> {
    if (typeof tools === 'string') throw new Error(tools);
    const main = 'org.apache.zookeeper.ZooKeeperMain';
    const flags = ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Dzookeeper.sasl.client=false'];
    const child = spawn(tools.java, [...flags, '-cp', tools.classPath, main, '-server', server.connectString]);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString('utf8');
      });
    }
    child.stdin.end(`${lines.join('\n')}\nquit\n`);
    await once(child, 'close');
    return said;
  }
});
