import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { times } from '../stage/thoroughness.js';
import { CommitWorld, DEEDS } from '../two-phase-commit/commit-world.js';

/** How many sequences are tried; by hand `COMMIT_SEQUENCES=5000`, and `COMMIT_SEED` and `COMMIT_PATH` as fast-check prints them. */
const numRuns = Number(process.env['COMMIT_SEQUENCES'] ?? times(60, 1_000));
const seed = Number(process.env['COMMIT_SEED'] ?? Date.now() % 2 ** 31);
const path = process.env['COMMIT_PATH'];

const deal = fc.record({
  deed: fc.constantFrom(...DEEDS),
  who: fc.nat(60),
  turns: fc.constantFrom(0, 0, 1, 2, 3, 5, 8),
});

describe('random sequences of what happens to two-phase commits', () => {
  it(`end alike everywhere, and leave nothing: ${numRuns} sequences`, {
    timeout: 60_000 + numRuns * 2_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(deal, { minLength: 5, maxLength: 40, size: 'max' }), async (deals) => {
        expect(await CommitWorld.play(deals)).toEqual([]);
      }),
      { numRuns, seed, ...(path === undefined ? {} : { path }) },
    );
  });
});
