import { configDefaults, defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/**
 * Resolves the packages of this workspace to their sources, so that tests need no build. `import` is not among them: Vite and Node add it
 * where it belongs, and would otherwise find it in what is required, too.
 */
const conditions = ['@zk-recipes/source', 'node'];

/** Tests that need no server of the run. */
const pure = [
  'packages/*/src/**/*.test.ts',
  'packages/zookeeper-ts-client/test/**/*.test.ts',
  'examples/*/src/**/*.test.ts',
  'examples/testing-with-faults/**/*.test.ts',
  'test/{architecture,bench-charts,bundle-size,clock,commands,errors,one-package,packaging,publishing,versions}.test.ts',
  'test/borders/**/*.test.ts',
  'recipes-docs/**/*.test.ts',
  'test/support/src/{reaper,servers/test-server-options}.test.ts',
];

/** Tests under fake timers. They start servers of their own, and run in threads: only there vitest fakes `process.nextTick`. */
const fakeTime = ['test/fake-time/**/*.test.ts'];

/** Tests of what only real servers do, with programs in Java, and of the test server beside a real one. */
const onZooKeeperOnly = [
  '**/*ensemble*',
  '**/real-zookeeper-*',
  'test/interop/**',
  'test/support/src/java/**',
  'packages/test-server/**',
];

/** Tests that start test servers by themselves. */
const onTestServerOnly = ['test/every-request/**', 'test/model/**'];

/** One project; it extends no other, for then `--maxWorkers` of the command line would not reach it. */
function project(name: string, test: TestProjectInlineConfiguration['test']): TestProjectInlineConfiguration {
  return {
    resolve: { conditions },
    ssr: { resolve: { conditions, externalConditions: conditions } },
    test: { name, pool: 'forks', testTimeout: 30_000, hookTimeout: 60_000, ...test },
  };
}

/** A test of a recipe is in two projects, and knows nothing of it: a real server is under it, and a test server. */
export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      project('pure', { include: pure }),
      project('fake-time', { include: fakeTime, pool: 'threads' }),
      project('zookeeper', {
        include: ['packages/*/test/**/*.test.ts', 'examples/**/*.test.ts', 'test/**/*.test.ts'],
        exclude: [...configDefaults.exclude, ...pure, ...fakeTime, ...onTestServerOnly],
        globalSetup: ['test/support/src/vitest/zookeeper-setup.ts'],
      }),
      project('test-server', {
        include: ['packages/*/test/**/*.test.ts', 'test/*/**/*.test.ts'],
        exclude: [...configDefaults.exclude, ...pure, ...fakeTime, ...onZooKeeperOnly],
        globalSetup: ['test/support/src/vitest/test-server-setup.ts'],
        env: { ZK_RECIPES_SERVERS: 'test-server' },
      }),
    ],
  },
});
