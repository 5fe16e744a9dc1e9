import { defineConfig } from 'vitepress';

export default defineConfig({
  title: 'zk-recipes',
  description: 'Coordination recipes on Apache ZooKeeper for TypeScript',
  // Addresses for readers of their own server, not links.
  ignoreDeadLinks: 'localhostLinks',
  // All pages of the API are in the index of the search.
  vite: { build: { chunkSizeWarningLimit: 2_000 } },
  themeConfig: {
    search: { provider: 'local' },
    sidebar: [
      {
        text: 'Recipes',
        items: [
          { text: 'Leader latch', link: '/leader-latch' },
          { text: 'Leader selector', link: '/leader-selector' },
          { text: 'Mutex', link: '/mutex' },
          { text: 'Read/write lock', link: '/read-write-lock' },
          { text: 'Semaphore', link: '/semaphore' },
          { text: 'Multi-lock', link: '/multi-lock' },
          { text: 'Revocation', link: '/revocation' },
          { text: 'Barrier', link: '/barrier' },
          { text: 'Double barrier', link: '/double-barrier' },
          { text: 'Queue', link: '/queue' },
          { text: 'Priority queue', link: '/priority-queue' },
          { text: 'Delay queue', link: '/delay-queue' },
          { text: 'Queue with ids', link: '/id-queue' },
          { text: 'Sharded queue', link: '/sharded-queue' },
          { text: 'Simple queue', link: '/simple-queue' },
          { text: 'Two-phase commit', link: '/two-phase-commit' },
        ],
      },
      {
        text: 'What recipes share',
        items: [
          { text: 'Holds', link: '/holds' },
          { text: 'Unknown outcomes', link: '/unknown-outcomes' },
          { text: 'Connection states', link: '/connection-states' },
          { text: 'Sessions', link: '/sessions' },
          { text: 'Security', link: '/security' },
          { text: 'Graceful shutdown', link: '/graceful-shutdown' },
        ],
      },
      {
        text: 'Testing',
        items: [
          { text: 'Test server', link: '/test-server' },
          { text: 'Testing with fake time', link: '/testing-with-fake-time' },
        ],
      },
      {
        text: 'API',
        items: [
          { text: '@zk-recipes/leader-election', link: '/api/@zk-recipes/leader-election' },
          { text: '@zk-recipes/locks', link: '/api/@zk-recipes/locks' },
          { text: '@zk-recipes/barriers', link: '/api/@zk-recipes/barriers' },
          { text: '@zk-recipes/queues', link: '/api/@zk-recipes/queues' },
          { text: '@zk-recipes/two-phase-commit', link: '/api/@zk-recipes/two-phase-commit' },
          { text: '@zk-recipes/core', link: '/api/@zk-recipes/core' },
          { text: '@zk-recipes/core/recipe-kit', link: '/api/@zk-recipes/core/recipe-kit' },
          { text: '@zk-recipes/test-server', link: '/api/@zk-recipes/test-server' },
          { text: 'zookeeper-ts-client', link: '/api/zookeeper-ts-client' },
        ],
      },
    ],
    footer: { message: 'Apache-2.0' },
  },
});
