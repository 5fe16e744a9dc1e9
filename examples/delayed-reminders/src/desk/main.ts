/** Schedules and cancels reminders from the shell; see the README. */
import { Keeper } from '@zk-recipes/core';
import { Reminders } from '../reminders.js';

const USAGE = 'Expected: schedule <id> <seconds from now> <to> <text>, or cancel <id>, or state <id>';
const [command, id, ...rest] = process.argv.slice(2);

async function run(reminders: Reminders, name: string): Promise<string> {
  if (command === 'cancel') return (await reminders.cancel(name)) ? 'cancelled' : 'not cancelled';
  if (command === 'state') return (await reminders.state(name))?.state ?? 'unknown';
  const [seconds, to, text] = rest;
  if (command !== 'schedule' || to === undefined || text === undefined || !(Number(seconds) >= 0))
    throw new Error(USAGE);
  const at = new Date(Date.now() + Number(seconds) * 1_000);
  await reminders.schedule({ id: name, to, text }, at);
  return `scheduled for ${at.toISOString()}`;
}

if (id === undefined) throw new Error(USAGE);
const keeper = await Keeper.connect({
  connectString: process.env['ZOOKEEPER_CONNECT'] ?? '127.0.0.1:2181',
  namespace: process.env['NAMESPACE'] ?? 'reminders',
});
try {
  console.log(await run(new Reminders(keeper), id));
} finally {
  await keeper.close();
}
