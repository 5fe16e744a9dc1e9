/**
 * A candidate in a process of its own: `node election-process.mjs <connect string> <path> <id> <session timeout> <kind>`.
 *
 * Says `ready`, and all that holding.mjs says of its tenures. Hears, by any line: close.
 */
import { createInterface } from 'node:readline';
import { Keeper } from '@zk-recipes/core';
import { LeaderLatch, LeaderSelector } from '@zk-recipes/leader-election';
import { say, tellOf } from './holding.mjs';

const [connectString, path, id, timeout, kind] = process.argv.slice(2);
const sessionTimeoutMs = Number(timeout);

const keeper = await Keeper.connect({ connectString, sessionTimeoutMs });
const lead = (tenure) => tellOf(tenure, sessionTimeoutMs);
const candidate =
  kind === 'LeaderLatch'
    ? new LeaderLatch(keeper, path, { id }).on('leader', (tenure) => void lead(tenure))
    : new LeaderSelector(keeper, path, lead, { id, autoRequeue: true });
await candidate.start();
say('ready', { sessionId: String(keeper.sessionId) });
createInterface({ input: process.stdin }).on('line', async () => {
  await candidate.close();
  await keeper.close();
  process.exit(0);
});
