/**
 * `npm run test:quick`: what a change is likely to break, in under four minutes: types, lint, the tests without servers, and those of the
 * changed packages on the test server. Changed is what differs from the main branch, and what is not committed.
 *
 * `npm run test:quick -- --minutes 10` allows more time. A folder of tests that does not fit into the time is not begun but named, and the
 * run fails: `npm test` has no limit.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compile, install, root, runNode } from './setup.mjs';

/** Folders of tests on the test server, the shorter ones first, each with the seconds that it takes on two idle cores. */
const SECONDS = {
  'test/client': 8,
  'test/barriers': 8,
  'test/sessions': 8,
  'packages/core/test': 16,
  'test/recipe-kit': 20,
  'test/two-phase-commit': 32,
  'test/leader-election': 38,
  'test/queues': 42,
  'test/locks': 60,
};

/** The tests of each folder of sources. */
const TESTS = {
  'packages/zookeeper-ts-client/src': ['test/client', 'test/sessions'],
  'packages/core/src': ['test/sessions', 'packages/core/test', 'test/recipe-kit'],
  // The tests of the server itself need a real one beside it: those of the core use most of its requests.
  'packages/test-server/src': ['test/client', 'packages/core/test'],
  'packages/barriers/src': ['test/barriers'],
  'packages/two-phase-commit/src': ['test/two-phase-commit'],
  'packages/leader-election/src': ['test/leader-election'],
  'packages/queues/src': ['test/queues'],
  'packages/locks/src': ['test/locks'],
};

/**
 * The folders of tests to run on the test server.
 *
 * @param {readonly string[]} changed paths of changed files below the root
 * @returns {string[]} the shorter ones first
 */
export function foldersFor(changed) {
  const isIn = (folder) => changed.some((path) => path.startsWith(`${folder}/`));
  const tests = Object.entries(TESTS).flatMap(([sources, folders]) => (isIn(sources) ? folders : []));
  return Object.keys(SECONDS).filter((folder) => tests.includes(folder) || isIn(folder));
}

/** Paths of the files that differ from the main branch, and of those that are not committed. */
function changedFiles() {
  const git = (...args) =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const bases = ['origin/main', 'main', 'HEAD'].flatMap((name) => {
    try {
      return [git('merge-base', 'HEAD', name).trim()];
    } catch {
      // A branch that this clone does not have.
      return [];
    }
  });
  const base = bases[0];
  if (base === undefined) throw new Error('Expected a git repository with at least one commit');
  const differing = git('diff', '--name-only', base);
  const untracked = git('ls-files', '--others', '--exclude-standard');
  return [...new Set(`${differing}${untracked}`.split('\n').filter((path) => path !== ''))];
}

function main() {
  const { values } = parseArgs({ options: { minutes: { type: 'string', default: '4' } } });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new RangeError(`Expected --minutes to be a number above 0, got '${values.minutes}'`);
  const startedMs = performance.now();
  const elapsedMs = () => performance.now() - startedMs;
  const isTimeFor = (neededSeconds) => elapsedMs() + neededSeconds * 1_000 < minutes * 60_000;

  const folders = foldersFor(changedFiles());
  const vitest = (...args) => ['vitest/vitest.mjs', ['run', '--reporter=dot', ...args]];
  const steps = [
    ['Install', () => install()],
    ['Check types', () => compile()],
    ['Lint', () => runNode('@biomejs/biome/bin/biome', ['ci', ...(process.stdout.isTTY ? [] : ['--colors=off'])])],
    ['Tests without servers', () => runNode(...vitest('--project', 'pure'))],
    ...folders.map((folder) => [
      `${folder} on the test server`,
      () => runNode(...vitest('--project', 'test-server', folder)),
      SECONDS[folder],
    ]),
  ];

  const failed = [];
  const left = [];
  for (const [index, [title, work, neededSeconds = 0]] of steps.entries()) {
    if (!isTimeFor(neededSeconds)) {
      left.push(title);
      continue;
    }
    const beganMs = elapsedMs();
    console.log(`\n── ${index + 1} of ${steps.length}: ${title}`);
    if (!work()) failed.push(title);
    console.log(`── ${title}: ${failed.includes(title) ? 'failed' : 'passed'}, ${seconds(elapsedMs() - beganMs)}`);
    if (failed.includes('Install')) break;
  }
  if (failed.length > 0) console.log(`\nFailed: ${failed.join(', ')}`);
  if (left.length > 0) console.log(`\nNot run, for lack of time: ${left.join(', ')}. Allow more by --minutes`);
  console.log(`\n${failed.length === 0 && left.length === 0 ? 'Passed' : 'Failed'} in ${seconds(elapsedMs())}`);
  process.exitCode = failed.length === 0 && left.length === 0 ? 0 : 1;
}

function seconds(ms) {
  return `${Math.round(ms / 1_000)} s`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
