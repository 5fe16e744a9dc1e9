import { Keeper } from '@zk-recipes/core';
import { CELLS, prefixSum } from '../prefix-sum.js';

const setting = (name: string, byDefault: string): string => process.env[name] ?? byDefault;
const index = Number(setting('WORKER', '0'));
const workers = Number(setting('WORKERS', '3'));

/** A line of JSON, for people and programs. */
function tell(event: string, details: object = {}): void {
  process.stdout.write(`${JSON.stringify({ event, worker: index, atMs: Date.now(), ...details })}\n`);
}

const keeper = await Keeper.connect({
  connectString: setting('ZOOKEEPER_CONNECT', '127.0.0.1:2181'),
  namespace: setting('NAMESPACE', 'lockstep'),
  sessionTimeoutMs: Number(setting('SESSION_TIMEOUT_MS', '10000')),
});
const input = Array.from({ length: CELLS }, (_, cell) => cell + 1);
const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());
tell('started');
try {
  const sums = await prefixSum(keeper, `/${setting('RUN', 'run-1')}`, input, {
    index,
    workers,
    onStep: (what, step) => tell(what, { step }),
    signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(Number(setting('TIMEOUT_MS', '60000')))]),
  });
  tell('done', { sums });
} catch (error) {
  // The others wait for it at the next barrier, until their time is over.
  if (!stopping.signal.aborted || error !== stopping.signal.reason) throw error;
  tell('stopped');
} finally {
  await keeper.close();
}
