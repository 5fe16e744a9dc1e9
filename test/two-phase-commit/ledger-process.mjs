/**
 * A participant with accounts in PostgreSQL, in a process of its own:
 * `node ledger-process.mjs <connect string> <path> <name> <session timeout> <database> [<statement to stop at>]`.
 *
 * Says, in lines of JSON, `ready`; and `before` and `after` the first statement that begins like the one to stop at, where it waits until
 * it hears `go`.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { exponentialBackoff, Keeper } from '@zk-recipes/core';
import { Participant } from '@zk-recipes/two-phase-commit';
import { postgresHandlers } from '@zk-recipes/two-phase-commit/postgres';
import pg from 'pg';
import { book } from './ledger.mjs';

const [connectString, path, name, timeout, connectionString, stopAt] = process.argv.slice(2);

function say(event, details = {}) {
  process.stdout.write(`${JSON.stringify({ event, ...details })}\n`);
}

const heard = createInterface({ input: process.stdin });

async function stop(event) {
  const going = once(heard, 'line');
  say(event);
  await going;
}

let stops = stopAt === undefined ? 0 : 1;

/** A client that stops where it is told to. */
class StoppingClient extends pg.Client {
  query(text, ...rest) {
    if (stops === 0 || !text.startsWith?.(stopAt)) return super.query(text, ...rest);
    stops -= 1;
    return this.#stopping(text, rest);
  }

  async #stopping(text, rest) {
    await stop('before');
    const result = await super.query(text, ...rest);
    await stop('after');
    return result;
  }
}

const pool = new pg.Pool({ connectionString, Client: StoppingClient });
// One that is idle when the server goes; the next one is another one.
pool.on('error', () => {});
const keeper = await Keeper.connect({
  connectString,
  sessionTimeoutMs: Number(timeout),
  retry: exponentialBackoff({ baseDelayMs: 20, maxDelayMs: 500, maxRetries: 60 }),
});
keeper.on('backgroundError', ({ error }) => console.error(`${name}: ${error}`));
const work = (client, { payload, participant }) => book(client, payload, participant);
const participant = new Participant(keeper, path, name, postgresHandlers({ pool, work }));
await participant.start();
say('ready');
