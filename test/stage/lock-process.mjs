/**
 * Somebody who takes a lock, in a process of its own, and takes it again whenever it has lost it:
 * `node lock-process.mjs <connect string> <path> <id> <session timeout> <kind>`, with the kinds of lock-contestants.ts.
 *
 * Says `ready`, and all that holding.mjs says of its holds; and `committed`, after a pause: what became of a transaction that was guarded
 * before it.
 */
import { Keeper, retryForever } from '@zk-recipes/core';
import { MultiLock, Mutex, ReadWriteLock, Semaphore } from '@zk-recipes/locks';
import { say, tellOf } from './holding.mjs';

const [connectString, path, id, timeout, kind] = process.argv.slice(2);
const sessionTimeoutMs = Number(timeout);

const keeper = await Keeper.connect({ connectString, sessionTimeoutMs, retry: retryForever({ delayMs: 20 }) });
const lock = {
  Mutex: () => new Mutex(keeper, path),
  'rw.read': () => new ReadWriteLock(keeper, path).read,
  'rw.write': () => new ReadWriteLock(keeper, path).write,
  Semaphore: () => new Semaphore(keeper, path, { maxLeases: 1 }),
  MultiLock: () => new MultiLock(keeper, [new Mutex(keeper, `${path}/one`), new Mutex(keeper, `${path}/two`)]),
}[kind]();
say('ready', { id, sessionId: String(keeper.sessionId) });
for (;;) {
  const hold = await lock.acquire();
  const token = String(hold.fencingToken);
  // Begun while it is held. What is committed by it after a pause, the server itself has to refuse.
  const early = hold.guard().create(`${path}-late-${token}`, id);
  const commit = async () => {
    const outcome = await early.commit().then(
      () => 'done',
      () => 'refused',
    );
    say('committed', { token, outcome });
  };
  await tellOf(hold, sessionTimeoutMs, () => void commit());
  await hold.release();
}
