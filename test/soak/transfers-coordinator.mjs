/**
 * A coordinator in a process of its own: `node transfers-coordinator.mjs <connect string> <path> <session timeout>`. Hears payloads of
 * transfers in lines of JSON, and says, for each, how it ended.
 */
import { createInterface } from 'node:readline';
import { ConnectionLossError, exponentialBackoff, Keeper } from '@zk-recipes/core';
import { Coordinator } from '@zk-recipes/two-phase-commit';

/** How long participants may take to vote: longer than it takes to replace one that was killed. */
const TIMEOUT_MS = 5_000;

const [connectString, path, timeout] = process.argv.slice(2);
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

const retry = exponentialBackoff({ baseDelayMs: 20, maxDelayMs: 500, maxRetries: 60 });
const keeper = await Keeper.connect({ connectString, sessionTimeoutMs: Number(timeout), retry });
keeper.on('backgroundError', ({ error }) => console.error(`${error}`));
const coordinator = new Coordinator(keeper, path, { recovery: 'background', retentionMs: 0 });
await coordinator.recover();

async function run(payload) {
  const { transfer, bookings } = payload;
  try {
    const participants = Object.keys(bookings);
    const { decision } = await coordinator.run({ payload, participants, timeoutMs: TIMEOUT_MS });
    say({ event: 'outcome', transfer, decision });
  } catch (error) {
    if (!(error instanceof ConnectionLossError)) throw error;
    say({ event: 'outcome', transfer, decision: 'unknown' });
  }
}

createInterface({ input: process.stdin }).on('line', (line) => void run(JSON.parse(line)));
say({ event: 'ready' });
