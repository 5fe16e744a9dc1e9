import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { times } from '../stage/thoroughness.js';
import { DEEDS, QueueWorld } from './queue-world.js';

/** How many sequences are tried; by hand `QUEUE_SEQUENCES=5000`, and `QUEUE_SEED` and `QUEUE_PATH` as fast-check prints them. */
const numRuns = Number(process.env['QUEUE_SEQUENCES'] ?? times(100, 2_000));
const seed = Number(process.env['QUEUE_SEED'] ?? Date.now() % 2 ** 31);
const path = process.env['QUEUE_PATH'];

const step = fc.record({
  who: fc.nat(3),
  deed: fc.constantFrom(...DEEDS),
  turns: fc.constantFrom(0, 0, 1, 2, 3, 5, 8, 20),
});

describe('random sequences of what users of a queue do and suffer', () => {
  it(`lose no item, and hand out none twice: ${numRuns} sequences`, { timeout: 60_000 + numRuns * 1_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(undefined, undefined, 2, 5),
        fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }),
        async (workers, maxItems, steps) => {
          expect(await QueueWorld.play(workers, maxItems, steps)).toEqual([]);
        },
      ),
      { numRuns, seed, ...(path === undefined ? {} : { path }), endOnFailure: process.env['QUEUE_SHRINK'] === 'no' },
    );
  });
});
