import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { root } from './source-tree.js';

it('the charts of the benchmarks show the numbers of bench/README.md', async () => {
  const check = promisify(execFile)(process.execPath, [join(root, 'bench/charts.mjs'), '--check']);
  await expect(check).resolves.toEqual({ stdout: '', stderr: '' });
});
