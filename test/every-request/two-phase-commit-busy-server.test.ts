import { Keeper, retryNTimes } from '@zk-recipes/core';
import { TestServer } from '@zk-recipes/test-server';
import { Coordinator, Participant } from '@zk-recipes/two-phase-commit';
import { InMemoryResource } from '@zk-recipes/two-phase-commit/testing';
import { expect, it } from 'vitest';

it('a participant takes part in what began while a busy server refused its watch', async () => {
  await using server = await TestServer.start();
  const { connectString } = server;
  // Longer than it takes to list the inbox and to begin a transaction.
  await using busy = await Keeper.connect({ connectString, retry: retryNTimes({ retries: 5, delayMs: 1_000 }) });
  await using other = await Keeper.connect({ connectString });
  const refused = server.faults.throttleOnce({ op: 'addWatch' });
  await using participant = new Participant<string>(busy, '/tx', 'ledger', new InMemoryResource<string>());
  await participant.start();
  await refused;
  await busy.sync().forPath('/');
  await using coordinator = new Coordinator<string>(other, '/tx');
  const { decision } = await coordinator.run({ payload: 'x', participants: ['ledger'], timeoutMs: 10_000 });
  expect(decision).toBe('committed');
});
