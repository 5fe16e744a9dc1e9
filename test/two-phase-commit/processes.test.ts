import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { namesIn } from '@zk-recipes/core/recipe-kit';
import { PeerProcess, until } from '@zk-recipes/test-support';
import { describeOnSharedServer, freshPath } from '@zk-recipes/test-support/vitest';
import { Coordinator, Participant } from '@zk-recipes/two-phase-commit';
import { InMemoryResource } from '@zk-recipes/two-phase-commit/testing';
import { beforeAll, expect, it } from 'vitest';
import { stage } from '../stage/stage.js';
import { untilSettled } from './settled.js';

describeOnSharedServer('two-phase commit, when a process is killed', () => {
  const on = stage();

  beforeAll(() => {
    // Child processes know nothing of sources.
    const cwd = fileURLToPath(new URL('../..', import.meta.url));
    spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'packages/two-phase-commit'], { cwd });
  }, 60_000);

  async function start(...args: string[]): Promise<PeerProcess> {
    const script = fileURLToPath(new URL('commit-process.mjs', import.meta.url));
    const process = await PeerProcess.run('node', [script, on.server, ...args]);
    on.afterwards(() => process.kill());
    await process.receive({ event: 'ready' });
    return process;
  }

  it('aborts what a coordinator left, which was killed before the decision', async () => {
    const path = freshPath('tx');
    const process = await start(path, 'coordinator');
    const hand = await on.keeper();
    const id = await until(async () => (await namesIn(hand, `${path}/transactions`))[0], { what: 'the transaction' });
    const one = new Coordinator(await on.keeper(), path, { recovery: 'background', retentionMs: 0 });
    on.afterwards(() => one.close());
    expect(await one.recover()).toEqual({ aborted: [], removed: [], failed: [] });
    await process.kill();
    await until(async () => ((await one.pending())[0]?.decision === 'aborted' ? true : undefined), {
      what: 'the session to end, and recovery',
      timeoutMs: 20_000,
    });
    const resource = new InMemoryResource();
    const participant = new Participant(await on.keeper(), path, 'ledger', resource);
    on.afterwards(() => participant.close());
    await participant.start();
    await until(() => resource.stateOf(id), { what: 'the participant to hear of it' });
    expect(resource.stateOf(id)).toBe('aborted');
  });

  it('has another process finish for a participant that was killed after its vote', async () => {
    const path = freshPath('tx');
    const process = await start(path, 'participant');
    const one = new Coordinator(await on.keeper(), path);
    on.afterwards(() => one.close());
    const running = one.run({ payload: 'x', participants: ['ledger', 'stock'], timeoutMs: 20_000 });
    await until(async () => ((await one.pending())[0]?.votes['ledger'] ? true : undefined), { what: 'the vote' });
    await process.kill();
    const stock = new Participant(await on.keeper(), path, 'stock', new InMemoryResource());
    on.afterwards(() => stock.close());
    await stock.start();
    const { id, decision } = await running;
    expect(decision).toBe('committed');
    const committed: string[] = [];
    const handlers = {
      prepare: () => 'commit' as const,
      commit: (tx: { id: string }) => void committed.push(tx.id),
      abort: () => {},
    };
    const ledger = new Participant(await on.keeper(), path, 'ledger', handlers);
    on.afterwards(() => ledger.close());
    await ledger.start();
    await untilSettled(await on.keeper(), path);
    expect(committed).toEqual([id]);
  });
});
