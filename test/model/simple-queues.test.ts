import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { times } from '../stage/thoroughness.js';
import { SIMPLE_DEEDS, SimpleQueueWorld } from './simple-queue-world.js';

/** How many sequences are tried; by hand `SIMPLE_SEQUENCES=5000`, and `SIMPLE_SEED` and `SIMPLE_PATH` as fast-check prints them. */
const numRuns = Number(process.env['SIMPLE_SEQUENCES'] ?? times(100, 2_000));
const seed = Number(process.env['SIMPLE_SEED'] ?? Date.now() % 2 ** 31);
const path = process.env['SIMPLE_PATH'];

const step = fc.record({
  who: fc.nat(3),
  deed: fc.constantFrom(...SIMPLE_DEEDS),
  turns: fc.constantFrom(0, 0, 1, 2, 3, 5, 8, 20),
});

describe('random sequences of what users of a simple queue do and suffer', () => {
  it(`lose nothing, and give out nothing twice: ${numRuns} sequences`, {
    timeout: 60_000 + numRuns * 1_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }),
        async (users, steps) => {
          expect(await SimpleQueueWorld.play(users, steps)).toEqual([]);
        },
      ),
      { numRuns, seed, ...(path === undefined ? {} : { path }), endOnFailure: process.env['SIMPLE_SHRINK'] === 'no' },
    );
  });
});
