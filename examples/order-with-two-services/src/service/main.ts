/** A service: stock, or a card. Its settings are environment variables; see the README. */
import { once } from 'node:events';
import { Keeper } from '@zk-recipes/core';
import { Participant } from '@zk-recipes/two-phase-commit';
import { type Order, Store } from '../store.js';

const { env } = process;
const name = env['SERVICE'] || 'stock';

/** What happens, a JSON object a line. */
const say = (event: string, details: object = {}): void =>
  console.log(JSON.stringify({ event, service: name, ...details }));

/** For who wants to see what comes of it when it is killed there: it stops for ever at this step. */
async function onStep(step: string): Promise<void> {
  say(step, store.state);
  if (step === env['HALT_WHEN']) await new Promise(() => {});
}

const store = await Store.open(env['STORE'] || `${name}.json`, Number(env['AVAILABLE'] || 10), onStep);
const keeper = await Keeper.connect({
  connectString: env['ZOOKEEPER_CONNECT'] || '127.0.0.1:2181',
  namespace: env['SERVICE_NAMESPACE'] || 'shop',
  sessionTimeoutMs: Number(env['SESSION_TIMEOUT_MS'] || 10_000),
});
keeper.on('backgroundError', ({ operation, error }) => console.error(`${operation}: ${error}`));
const participant = new Participant<Order>(keeper, '/orders', name, store);
await participant.start();
say('ready', store.state);

await Promise.race(['SIGTERM', 'SIGINT'].map((signal) => once(process, signal)));
await participant.close();
await keeper.close();
