/**
 * `npm test`: everything from a bare clone to the result. Installs, checks the types, lints, and runs every test: those
 * of recipes twice, on a real ZooKeeper if there is one to be had, and on the test server. Arguments go to vitest:
 * `npm test -- packages/core`, `npm test -- --project test-server`.
 *
 * It says which step it is in, and every 15 seconds how many files of tests are done and which ones are running.
 *
 * The last line is `N passed, N failed`, with `, N skipped` if any were; a step that fails before the tests counts as
 * one failure.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile, install, runNode } from './setup.mjs';

const failedSteps = [];

const startedMs = performance.now();
const STEPS = ['Install', 'Check types', 'Lint', 'Test'];

/** Does one step; says which one it is, when it begins, and when it fails. */
function step(title, work) {
  const seconds = Math.round((performance.now() - startedMs) / 1_000);
  console.log(`\n── ${STEPS.indexOf(title) + 1} of ${STEPS.length}: ${title}, after ${seconds} s`);
  if (work()) return true;
  failedSteps.push(title);
  console.log(`── ${title}: failed`);
  return false;
}

/** Runs vitest, and counts what it reports. */
function runTests() {
  const folder = mkdtempSync(join(tmpdir(), 'zk-recipes-report-'));
  const report = join(folder, 'report.json');
  try {
    const reporters = ['default', './test/progress-reporter.mjs', 'json'].map((name) => `--reporter=${name}`);
    const args = ['run', ...reporters, `--outputFile.json=${report}`];
    const succeeded = runNode('vitest/vitest.mjs', [...args, ...process.argv.slice(2)]);
    return count(JSON.parse(readFileSync(report, 'utf8')), succeeded);
  } catch (error) {
    console.log(`No report of the tests: ${error.message}`);
    return { passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function count({ numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults }, succeeded) {
  let failed = numFailedTests;
  let skipped = numPendingTests + numTodoTests;
  for (const { name, message, status, assertionResults } of testResults) {
    if (status !== 'failed' || assertionResults.some((test) => test.status === 'failed')) continue;
    // The file as a whole failed: the tests that it did not come to are no skipped ones.
    const missed = assertionResults.filter((test) => test.status !== 'passed').length;
    failed += Math.max(1, missed);
    skipped -= missed;
    console.log(`Failed as a whole: ${name}: ${message}`);
  }
  // Vitest fails for more than its tests: an error that nobody caught, a set-up that failed, nothing to run.
  return { passed: numPassedTests, failed: succeeded ? failed : Math.max(1, failed), skipped };
}

let result = { passed: 0, failed: 0, skipped: 0 };
if (step('Install', install)) {
  step('Check types', compile);
  step('Lint', () => runNode('@biomejs/biome/bin/biome', ['ci', ...(process.stdout.isTTY ? [] : ['--colors=off'])]));
  step('Test', () => {
    result = runTests();
    return true;
  });
}

const failed = result.failed + failedSteps.length;
if (failedSteps.length > 0) console.log(`\nFailed before the tests: ${failedSteps.join(', ')}`);
console.log(`\n${result.passed} passed, ${failed} failed${result.skipped > 0 ? `, ${result.skipped} skipped` : ''}`);
process.exitCode = failed === 0 ? 0 : 1;
