import { Keeper } from '@zk-recipes/core';
import { Coordinator, Participant } from '@zk-recipes/two-phase-commit';

// Somebody to be killed: node commit-process.mjs <server> <path> coordinator|participant
const [connectString, path, role] = process.argv.slice(2);
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const keeper = await Keeper.connect({ connectString, sessionTimeoutMs: 2_000 });

if (role === 'coordinator') {
  const coordinator = new Coordinator(keeper, path);
  coordinator
    .run({ payload: 'x', participants: ['ledger'], timeoutMs: 60_000 })
    .then((outcome) => say({ event: 'decided', ...outcome }));
} else {
  const handlers = { prepare: () => 'commit', commit: () => {}, abort: () => {} };
  await new Participant(keeper, path, 'ledger', handlers).start();
}
say({ event: 'ready' });
