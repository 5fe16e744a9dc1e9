import { fourLetterWord, startStandalone, type ZooKeeperServer } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { digestOf, TestServer } from '../../src/index.js';
import { Performance } from './performance.js';
import { type Step, sequences } from './steps.js';

/** How many sequences are tried; 10 000 of them are a command of their own: see README.md. */
const RUNS = Number(process.env['CONFORMANCE_SEQUENCES'] ?? 200);
const TIME_PER_RUN_MS = 1_000;
/** The release of 3.9 that the test server behaves like. */
const LAST_PATCH_OF_39 = 6;

describeOnOwnServers('random sequences of requests', () => {
  let real: ZooKeeperServer;
  let own: TestServer;
  let count = 0;
  /** Of 3.9 the test server is as the last patch that changed behaviour, which `conformance/differences.ts` lists. */
  let isComparable = true;

  beforeAll(async () => {
    const superDigest = digestOf('super:secret');
    real = await startStandalone({
      tickTimeMs: 60_000,
      systemProperties: {
        'zookeeper.DigestAuthenticationProvider.superDigest': superDigest,
        'znode.container.checkIntervalMs': 100_000_000,
      },
    });
    const [, minor, patch] = /version: 3\.(\d+)\.(\d+)/.exec(await fourLetterWord(real.connectString, 'srvr')) ?? [];
    isComparable = Number(minor) < 9 || Number(patch) >= LAST_PATCH_OF_39;
    own = await TestServer.start({
      tickTimeMs: 60_000,
      superDigest,
      containerCheckIntervalMs: 100_000_000,
      compat: Number(minor) < 9 ? '3.8' : '3.9',
    });
  });

  afterAll(async () => {
    await real?.[Symbol.asyncDispose]();
    await own?.[Symbol.asyncDispose]();
  });

  /** Runs a sequence on both; gives the transcripts up to the first difference. */
  async function transcripts(steps: readonly Step[]): Promise<readonly [real: unknown[], own: unknown[]]> {
    count += 1;
    const root = `/s${count}`;
    const both = await Promise.all([
      Performance.begin(real.connectString, root),
      Performance.begin(own.connectString, root),
    ]);
    const heard: [unknown[], unknown[]] = [[], []];
    for (const step of steps) {
      const answers = await Promise.all(both.map((performance) => performance.take(step)));
      for (const index of [0, 1] as const) heard[index].push({ step: step.description, ...answers[index] });
      if (JSON.stringify(answers[0]) !== JSON.stringify(answers[1])) break;
    }
    await Promise.all(both.map((performance) => performance[Symbol.asyncDispose]()));
    return heard;
  }

  it(`have the same effects as on a real server: ${RUNS} sequences`, { timeout: RUNS * TIME_PER_RUN_MS }, async ({
    skip,
  }) => {
    if (!isComparable) skip(`the real server is older than 3.9.${LAST_PATCH_OF_39}`);
    await fc.assert(
      fc.asyncProperty(sequences, async (steps) => {
        const [fromReal, fromOwn] = await transcripts(steps);
        expect(fromOwn).toEqual(fromReal);
      }),
      { numRuns: RUNS, seed: Number(process.env['CONFORMANCE_SEED'] ?? Date.now()) },
    );
  });
});
