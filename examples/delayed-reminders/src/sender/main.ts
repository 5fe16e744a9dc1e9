/** A process that sends reminders when they are due. Its settings are environment variables; see the README. */
import { Keeper } from '@zk-recipes/core';
import { Reminders, type Send } from '../reminders.js';
import { post } from '../webhook.js';

const setting = (name: string, byDefault: string): string => process.env[name] ?? byDefault;
const webhook = setting('WEBHOOK_URL', '');
const retryMs = Number(setting('RETRY_MS', '1000'));

/** A line of JSON, for people and programs. */
function tell(event: string, details: object = {}): void {
  process.stdout.write(`${JSON.stringify({ event, pid: process.pid, atMs: Date.now(), ...details })}\n`);
}

const keeper = await Keeper.connect({
  connectString: setting('ZOOKEEPER_CONNECT', '127.0.0.1:2181'),
  namespace: setting('NAMESPACE', 'reminders'),
  sessionTimeoutMs: Number(setting('SESSION_TIMEOUT_MS', '10000')),
});
keeper.on('backgroundError', ({ operation, error }) => console.error(`${operation}: ${error}`));

const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());
process.once('SIGINT', () => stopping.abort());

const send: Send = async (reminder, signal) => {
  if (webhook === '') tell('reminder', reminder);
  else await post(webhook, reminder, signal);
};

const reminders = new Reminders(keeper);
tell('started');
await reminders.queue.process(
  async (delivery) => {
    const { value, attempts } = delivery;
    tell(await reminders.deliver(delivery, send), { id: value.id, attempts });
  },
  { signal: stopping.signal, concurrency: 4, retryDelayMs: (attempts) => retryMs * attempts },
);
await keeper.close();
tell('ended');
