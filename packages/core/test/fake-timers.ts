/**
 * Puts vitest's fake timers in the place of Node's for one test file. Import this module before all others: `systemClock` takes the timers when it is
 * first imported.
 */

import timers from 'node:timers';
import { vi } from 'vitest';

vi.useFakeTimers();
Object.assign(timers, { clearTimeout, setImmediate, setTimeout });
