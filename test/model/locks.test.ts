import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sequences } from './lock-steps.js';
import { LockWorld } from './lock-world.js';

/** How many sequences are tried; thousands by hand: `MODEL_SEQUENCES=5000 npx vitest run --project test-server test/model`. */
const RUNS = Number(process.env['MODEL_SEQUENCES'] ?? 100);
const TIME_LIMIT_MS = 60_000 + RUNS * 1_000;

/** What fast-check prints of a failure, to have it again. */
const seed = Number(process.env['MODEL_SEED'] ?? Date.now() % 2 ** 31);
const path = process.env['MODEL_PATH'];

describe('random sequences of what contenders do and suffer', () => {
  it(`keep the promises of all locks: ${RUNS} sequences`, { timeout: 2 * TIME_LIMIT_MS }, async () => {
    await fc.assert(
      fc.asyncProperty(sequences, fc.constantFrom('letThrough', 'giveUp'), async (steps, ending) => {
        expect(await LockWorld.play(steps, ending)).toEqual([]);
      }),
      {
        ...{ numRuns: RUNS, seed, ...(path === undefined ? {} : { path }) },
        // What is shrunk until then will do.
        ...{
          interruptAfterTimeLimit: TIME_LIMIT_MS,
          markInterruptAsFailure: true,
          endOnFailure: process.env['MODEL_SHRINK'] === 'no',
        },
      },
    );
  });
});
