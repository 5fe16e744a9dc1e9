import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEEDS, RoundWorld } from '../barriers/round-world.js';
import { times } from '../stage/thoroughness.js';

/** How many sequences are tried; by hand `BARRIER_SEQUENCES=5000`, and `BARRIER_SEED` and `BARRIER_PATH` as fast-check prints them. */
const numRuns = Number(process.env['BARRIER_SEQUENCES'] ?? times(150, 2_000));
const seed = Number(process.env['BARRIER_SEED'] ?? Date.now() % 2 ** 31);
const path = process.env['BARRIER_PATH'];

const step = fc.record({
  who: fc.nat(5),
  deed: fc.constantFrom(...DEEDS),
  turns: fc.constantFrom(0, 0, 1, 2, 3, 5, 8, 20),
});

describe('random sequences of what users of a double barrier do and suffer', () => {
  it(`lead nobody in too early, nor out: ${numRuns} sequences`, { timeout: 60_000 + numRuns * 1_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 0, max: 2 }),
        fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }),
        async (members, extra, steps) => {
          expect(await RoundWorld.play(members, members + extra, steps)).toEqual([]);
        },
      ),
      { numRuns, seed, ...(path === undefined ? {} : { path }) },
    );
  });
});
