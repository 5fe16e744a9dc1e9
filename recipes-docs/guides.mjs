/**
 * Which parts of the API each page is a guide to. The site links from the page to them, and from them to the page. A name is that of a
 * class or an interface, below the module that exports it; a module alone is all of it.
 *
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const guides = {
  'leader-latch': ['@zk-recipes/leader-election/LeaderLatch', '@zk-recipes/leader-election/Tenure'],
  'leader-selector': ['@zk-recipes/leader-election/LeaderSelector'],
  mutex: ['@zk-recipes/locks/Mutex'],
  'read-write-lock': ['@zk-recipes/locks/ReadWriteLock', '@zk-recipes/locks/WriteHold'],
  semaphore: ['@zk-recipes/locks/Semaphore', '@zk-recipes/locks/SemaphoreLease'],
  'multi-lock': ['@zk-recipes/locks/MultiLock', '@zk-recipes/locks/MultiHold'],
  revocation: ['@zk-recipes/locks/RevokeOptions', '@zk-recipes/locks/RevocationRequestedError'],
  barrier: ['@zk-recipes/barriers/Barrier'],
  'double-barrier': ['@zk-recipes/barriers/DoubleBarrier'],
  queue: ['@zk-recipes/queues/Queue', '@zk-recipes/queues/Delivery'],
  'priority-queue': ['@zk-recipes/queues/PriorityQueue'],
  'delay-queue': ['@zk-recipes/queues/DelayQueue'],
  'id-queue': ['@zk-recipes/queues/IdQueue'],
  'sharded-queue': ['@zk-recipes/queues/ShardedQueue'],
  'simple-queue': ['@zk-recipes/queues/SimpleQueue'],
  'two-phase-commit': [
    '@zk-recipes/two-phase-commit/Coordinator',
    '@zk-recipes/two-phase-commit/Participant',
    '@zk-recipes/two-phase-commit/postgres',
    '@zk-recipes/two-phase-commit/testing',
  ],
  holds: ['@zk-recipes/core/Hold', '@zk-recipes/core/HoldLostError'],
  'unknown-outcomes': ['zookeeper-ts-client/ConnectionLossError'],
  'connection-states': ['@zk-recipes/core/Keeper'],
  sessions: ['@zk-recipes/core/Keeper', 'zookeeper-ts-client/ZooKeeper'],
  'graceful-shutdown': ['@zk-recipes/core/Keeper'],
  cron: ['@zk-recipes/locks/Mutex'],
  'session-timeouts': ['@zk-recipes/core/Keeper'],
  'production-checklist': ['@zk-recipes/core/Keeper'],
  'test-server': ['@zk-recipes/test-server/TestServer'],
};
