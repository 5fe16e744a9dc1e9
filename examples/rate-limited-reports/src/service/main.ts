/** One process of the service. Its settings are environment variables; see the README. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Keeper } from '@zk-recipes/core';
import { createHttpServer } from './http-server.js';
import { Reports } from './reports.js';

const { env } = process;
const id = env['SERVICE_NAME'] || `reports-${process.pid}`;
const reportMs = Number(env['REPORT_MS'] || 5_000);

const keeper = await Keeper.connect({
  connectString: env['ZOOKEEPER_CONNECT'] || '127.0.0.1:2181',
  namespace: env['SERVICE_NAMESPACE'] || 'reports',
  sessionTimeoutMs: Number(env['SESSION_TIMEOUT_MS'] || 10_000),
});
keeper.on('backgroundError', ({ operation, error }) => console.error(`${operation}: ${error}`));

/** Stands for a query that keeps the database busy. */
async function makeReport(name: string, signal: AbortSignal): Promise<string> {
  await delay(reportMs, undefined, { signal });
  return `${name}, made by ${id}`;
}

const http = createHttpServer(new Reports(keeper, id, Number(env['MAX_REPORTS'] || 2), makeReport));
http.listen(Number(env['PORT'] || 8080));
await once(http, 'listening');
console.log(`${id} listens on port ${(http.address() as AddressInfo).port}`);

await Promise.race(['SIGTERM', 'SIGINT'].map((signal) => once(process, signal)));
http.close();
http.closeAllConnections();
// The leases of reports under way go with the session, at once.
await keeper.close();
