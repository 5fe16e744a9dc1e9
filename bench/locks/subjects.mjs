import { Keeper } from '../../packages/core/dist/index.js';
import { Mutex } from '../../packages/locks/dist/index.js';
import { ZooKeeper } from '../../packages/zookeeper-ts-client/dist/index.js';
import { rawLock } from './raw-lock.mjs';

/** This project's mutex. */
async function mutex(connectString, path) {
  const keeper = await Keeper.connect({ connectString, sessionTimeoutMs: 30_000 });
  const lock = new Mutex(keeper, path);
  return {
    enter: async () => {
      const hold = await lock.acquire();
      return () => hold.release();
    },
    close: () => keeper.close(),
  };
}

/** Creates a znode and deletes it, and asks nobody whether that is a lock. */
async function bareZnodes(connectString, path) {
  const zookeeper = await ZooKeeper.connect(connectString, { sessionTimeoutMs: 30_000 });
  await zookeeper.create(path, null, { mode: 'PERSISTENT' }).catch(() => {});
  return {
    enter: async () => {
      const created = await zookeeper.create(`${path}/lock-`, '127.0.0.1', { mode: 'EPHEMERAL_SEQUENTIAL' });
      return () => zookeeper.delete(created.path);
    },
    close: () => zookeeper.close(),
  };
}

/** What opens a session, for each subject. Its `enter` resolves, when the lock is had, with what lets go of it. */
export const subjects = { mutex, bareZnodes, rawLock };
