import { Keeper } from '@zk-recipes/core';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterEach, expect, it } from 'vitest';
import { type ConnectionState, digestAuth } from 'zookeeper-ts-client';
import { ownServer } from '../stage/stage.js';
import { Clients } from './clients.js';

describeOnOwnServers('a server that demands authentication', () => {
  const server = ownServer({ config: { 'enforce.auth.enabled': true, 'enforce.auth.schemes': 'digest' } });
  const clients = new Clients();
  afterEach(() => clients[Symbol.asyncDispose]());

  it('ends an idle client that has none, instead of being asked again and again', async () => {
    const zk = await clients.connect(server().connectString, { sessionTimeoutMs: 2_000 });
    const states: ConnectionState[] = [];
    for await (const state of zk.states()) states.push(state);
    expect(states).toEqual(['connected', 'auth-failed']);
    expect(zk.endError).toMatchObject({
      code: 'ZK_AUTH_FAILED',
      message: expect.stringContaining('demands credentials'),
    });
  });

  it('closes a keeper that has none', async () => {
    const keeper = await Keeper.connect({ connectString: server().connectString, sessionTimeoutMs: 2_000 });
    const reason = new Promise((resolve) => keeper.on('stateChange', (change) => resolve(change.reason)));
    expect(await reason).toBe('auth-failed');
    expect(keeper.closed).toBe(true);
    await expect(keeper.exists().forPath('/')).rejects.toMatchObject({ code: 'ZK_AUTH_FAILED' });
  });

  it('serves a client that has some', async () => {
    const zk = await clients.connect(server().connectString, { auth: [digestAuth('me', 'secret')] });
    expect(await zk.exists('/')).not.toBeNull();
  });
});
