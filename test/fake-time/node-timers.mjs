import { mock, test } from 'node:test';
import { liveInFakeTime } from './story.mjs';

test('a keeper lives on while node:test fakes all timers', { timeout: 20_000 }, () =>
  liveInFakeTime({
    install: () => mock.timers.enable(),
    advance: (ms) => mock.timers.tick(ms),
    uninstall: () => mock.timers.reset(),
  }),
);
