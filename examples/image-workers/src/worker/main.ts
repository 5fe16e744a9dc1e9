/** A process that makes copies of images. Its settings are environment variables; see the README. */
import { setTimeout as delay } from 'node:timers/promises';
import { Keeper } from '@zk-recipes/core';
import type { Delivery } from '@zk-recipes/queues';
import { type ImageJob, imageJobs } from '../image-jobs.js';
import { makeCopy } from '../make-copy.js';

const setting = (name: string, byDefault: string): string => process.env[name] ?? byDefault;
const id = setting('WORKER', `worker-${process.pid}`);
const folders = { originals: setting('ORIGINALS', 'originals'), copies: setting('COPIES', 'copies') };
const workMs = Number(setting('WORK_MS', '0'));

/** A line of JSON, for people and programs. */
function tell(event: string, details: object = {}): void {
  process.stdout.write(`${JSON.stringify({ event, worker: id, pid: process.pid, ...details })}\n`);
}

const keeper = await Keeper.connect({
  connectString: setting('ZOOKEEPER_CONNECT', '127.0.0.1:2181'),
  namespace: setting('NAMESPACE', 'images'),
  sessionTimeoutMs: Number(setting('SESSION_TIMEOUT_MS', '10000')),
});
keeper.on('backgroundError', ({ operation, error }) => console.error(`${operation}: ${error}`));

const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());
process.once('SIGINT', () => stopping.abort());

async function work(delivery: Delivery<ImageJob>): Promise<void> {
  const about = { ...delivery.value, attempt: delivery.attempts, token: `${delivery.fencingToken}` };
  tell('begins', about);
  await delay(workMs, undefined, { signal: delivery.signal });
  const reason = await makeCopy(delivery, folders);
  if (reason === null) return tell('made', about);
  // It will never be made: tried again it would but keep workers from what can be.
  await delivery.reject(reason);
  tell('rejected', { ...about, reason });
}

tell('started');
await imageJobs(keeper).process(work, {
  signal: stopping.signal,
  retryDelayMs: () => Number(setting('RETRY_MS', '1000')),
});
await keeper.close();
tell('ended');
