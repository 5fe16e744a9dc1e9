import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findPostgres, PeerProcess } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { beforeAll, describe, expect, it } from 'vitest';

const found = await findPostgres();
if (typeof found === 'string') console.log(`PostgreSQL: skipped, for ${found}`);

const root = fileURLToPath(new URL('../..', import.meta.url));
const soak = fileURLToPath(new URL('../soak/transfers.mjs', import.meta.url));

describe.skipIf(typeof found === 'string')('with two databases', () => {
  describeOnOwnServers('transfers', { timeout: 120_000 }, () => {
    // The processes run what is compiled.
    beforeAll(async () => {
      const compile = ['node_modules/typescript/bin/tsc', '-b', 'packages/two-phase-commit', 'test/support'];
      await promisify(execFile)(process.execPath, compile, { cwd: root });
    });

    it('are booked in both or in none, while everything is killed', async () => {
      const args = ['--transfers', '60', '--seconds', '8', '--kill-every-ms', '1000'];
      await using run = await PeerProcess.run(process.execPath, [soak, ...args]);
      const { wrong, committed, aborted, unknown, booked, kills } = await run.receive({ event: 'result' });
      console.log(JSON.stringify({ committed, aborted, unknown, booked, kills }));
      expect(wrong).toEqual([]);
      expect(await run.exited).toBe(0);
      // Otherwise it would prove nothing.
      expect(committed).toBeGreaterThan(20);
      expect(Object.values(kills as Record<string, number>).every((times) => times > 0)).toBe(true);
    });
  });
});
