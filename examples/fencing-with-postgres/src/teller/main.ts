/** A teller: takes 10 from an account, once, and ends. Its settings are environment variables; see the README. */
import { setTimeout as delay } from 'node:timers/promises';
import { HoldLostError, Keeper } from '@zk-recipes/core';
import { Mutex } from '@zk-recipes/locks';
import pg from 'pg';
import { Accounts, FencedOffError } from '../accounts.js';

const { env } = process;
const id = env['TELLER'] || `teller-${process.pid}`;
const account = env['ACCOUNT'] || 'alice';
const workMs = Number(env['WORK_MS'] || 1_000);

/** What happens, a JSON object a line. */
const say = (message: object): void => console.log(JSON.stringify({ id, ...message }));

const keeper = await Keeper.connect({
  connectString: env['ZOOKEEPER_CONNECT'] || '127.0.0.1:2181',
  namespace: env['SERVICE_NAMESPACE'] || 'bank',
  sessionTimeoutMs: Number(env['SESSION_TIMEOUT_MS'] || 10_000),
});
const pool = new pg.Pool({ connectionString: env['DATABASE_URL'] });
const accounts = new Accounts(pool);
await accounts.prepare();
await accounts.open(account, 100n);

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());

const mutex = new Mutex(keeper, `/locks/${account}`, { data: id });
try {
  await mutex.run(
    async (hold) => {
      const token = hold.fencingToken;
      const balance = await accounts.read(account, token);
      say({ event: 'read', balance: `${balance}`, token: `${token}` });
      // The work. A teller that looks at hold.signal now and then stops in time when the lock is lost. This one does not look: as if it were
      // stopped between the last look and the write, where no look helps.
      await delay(workMs);
      try {
        await accounts.write(account, token, balance - 10n);
        say({ event: 'written', balance: `${balance - 10n}`, token: `${token}` });
      } catch (error) {
        if (!(error instanceof FencedOffError)) throw error;
        say({ event: 'refused', why: error.message });
      }
    },
    { signal: stopping.signal },
  );
} catch (error) {
  // The lock was lost before the function had ended; or the process is to end, and was not at work.
  if (error instanceof HoldLostError) say({ event: 'lost', reason: error.reason });
  else if (stopping.signal.aborted && error === stopping.signal.reason) say({ event: 'stopped' });
  else throw error;
}
await Promise.all([pool.end(), keeper.close()]);
