import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Progress } from './progress-reporter.mjs';
import { foldersFor } from './quick.mjs';
import { packageNames, root } from './source-tree.js';

describe('npm run test:quick', () => {
  it('runs the tests of a changed package', () => {
    expect(foldersFor(['packages/locks/src/mutex.ts'])).toEqual(['test/locks']);
    expect(foldersFor(['packages/core/src/keeper.ts'])).toEqual([
      'test/sessions',
      'packages/core/test',
      'test/recipe-kit',
    ]);
  });

  it('runs changed tests', () => {
    expect(foldersFor(['test/queues/consuming.test.ts', 'packages/core/test/watches.test.ts'])).toEqual([
      'packages/core/test',
      'test/queues',
    ]);
  });

  it('runs no tests on servers for documents, and for what has none', () => {
    expect(foldersFor(['README.md', 'packages/locks/README.md', 'packages/locks-extra/src/x.ts'])).toEqual([]);
  });

  it('has tests for each package, in folders that exist', () => {
    for (const name of packageNames().filter((other) => other !== 'zk-recipes')) {
      const folders = foldersFor([`packages/${name}/src/index.ts`]);
      expect(folders, name).not.toEqual([]);
      for (const folder of folders) expect(existsSync(join(root, folder)), folder).toBe(true);
    }
  });
});

describe('the progress of npm test', () => {
  it('says how many files are done, how many tests passed and failed, and which files are running for how long', () => {
    let nowMs = 1_000;
    const progress = new Progress(() => nowMs);
    progress.begin(8);
    progress.fileStarted('a on pure');
    progress.fileStarted('b on test-server');
    nowMs += 65_000;
    expect(progress.describe()).toBe(
      '[1:05] 0 of 8 files (0 %), 0 tests passed, 0 failed; in a on pure (65 s), b on test-server (65 s)',
    );
    progress.fileEnded('a on pure', { passed: 10, failed: 0, fileFailed: false });
    progress.fileEnded('b on test-server', { passed: 3, failed: 2, fileFailed: true });
    expect(progress.describe()).toBe('[1:05] 2 of 8 files (25 %), 13 tests passed, 2 failed in 1 files');
  });

  it('names some of many running files', () => {
    const progress = new Progress(() => 0);
    progress.begin(6);
    for (const file of 'abcdef') progress.fileStarted(file);
    expect(progress.describe()).toContain('; in a (0 s), b (0 s), c (0 s), d (0 s) and 2 more');
  });
});
