/**
 * Puts vitest's fake timers in the place of Node's for one test file. Import this module before all others: `systemClock` takes the clocks and timers when
 * it is first imported.
 */

import { performance as own } from 'node:perf_hooks';
import timers from 'node:timers';
import { vi } from 'vitest';

vi.useFakeTimers();
Object.assign(timers, { clearTimeout, setImmediate, setTimeout });
Object.assign(own, { now: () => performance.now() });
