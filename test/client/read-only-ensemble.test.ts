import { startEnsemble, until, type ZooKeeperEnsemble, type ZooKeeperServer } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { NotReadOnlyError } from 'zookeeper-ts-client';
import { Clients, Events, untilState } from './clients.js';

describeOnOwnServers('an ensemble without a quorum that goes on read-only', () => {
  const clients = new Clients();
  let ensemble: ZooKeeperEnsemble;
  beforeAll(async () => {
    ensemble = await startEnsemble({
      config: { localSessionsEnabled: true, localSessionsUpgradingEnabled: true },
      systemProperties: { 'readonlymode.enabled': true },
    });
  });
  afterAll(async () => {
    await clients[Symbol.asyncDispose]();
    await ensemble?.[Symbol.asyncDispose]();
  });

  it('serves those who can do with it, which come back to read and write with the quorum', async () => {
    const before = await clients.connect(ensemble.connectString);
    await before.create('/a', 'A');
    const [first, second, third] = ensemble.members as [ZooKeeperServer, ZooKeeperServer, ZooKeeperServer];
    await before.close();
    await Promise.all([first.kill(), second.kill()]);
    await until(async () => (await third.mode()) === 'read-only' || undefined, {
      what: 'the last member to be read-only',
    });
    const zk = await clients.connect(ensemble.connectString, { canBeReadOnly: true });
    expect(zk.state).toBe('connected-read-only');
    expect(zk.server).toBe(third.connectString);
    const events = new Events();
    expect((await zk.getData('/a', { watch: events.watch })).data?.toString()).toBe('A');
    expect(zk.validForMs()).toBe(0);
    await expect(zk.setData('/a', 'B')).rejects.toThrow(NotReadOnlyError);
    await expect(zk.create('/b')).rejects.toThrow(NotReadOnlyError);
    await expect(zk.sync('/')).rejects.toThrow(NotReadOnlyError);
    expect((await zk.getChildren('/')).children).toContain('a');
    const writable = untilState(zk, 'connected');
    await second.start();
    await writable;
    await zk.setData('/a', 'B');
    expect(await events.until(1)).toEqual(['NodeDataChanged /a']);
    expect((await zk.create('/e', null, { mode: 'EPHEMERAL' })).stat.ephemeralOwner).toBe(zk.sessionId);
  });
});
