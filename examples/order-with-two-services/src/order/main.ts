/** Places an order: `node dist/order/main.js stock=2 card=30`. Its settings are environment variables; see the README. */
import { ConnectionLossError, Keeper } from '@zk-recipes/core';
import { Coordinator } from '@zk-recipes/two-phase-commit';
import type { Order } from '../store.js';

const { env } = process;
const order: Order = Object.fromEntries(
  process.argv.slice(2).map((part) => {
    const [service, amount] = part.split('=');
    return [service, Number(amount)];
  }),
);

const keeper = await Keeper.connect({
  connectString: env['ZOOKEEPER_CONNECT'] || '127.0.0.1:2181',
  namespace: env['SERVICE_NAMESPACE'] || 'shop',
  sessionTimeoutMs: Number(env['SESSION_TIMEOUT_MS'] || 10_000),
});
const coordinator = new Coordinator<Order>(keeper, '/orders');
// Orders of others who died before they were decided hold nothing back any longer.
await coordinator.recover();
try {
  const { decision, reason } = await coordinator.run({
    payload: order,
    participants: Object.keys(order),
    timeoutMs: Number(env['TIMEOUT_MS'] || 30_000),
  });
  console.log(JSON.stringify({ event: decision, order, ...(reason === undefined ? {} : { reason }) }));
} catch (error) {
  if (!(error instanceof ConnectionLossError)) throw error;
  console.log(JSON.stringify({ event: 'unknown', order, transaction: error.path }));
}
await coordinator.close();
await keeper.close();
