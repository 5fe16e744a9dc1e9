import { describe, expect, it } from 'vitest';
import { VirtualClock } from './clock.js';

describe('VirtualClock', () => {
  it('stands still until it is advanced', () => {
    const clock = new VirtualClock(1000);
    expect([clock.now(), clock.wallNow()]).toEqual([0, 1000]);
    clock.advance(250);
    expect([clock.now(), clock.wallNow()]).toEqual([250, 1250]);
  });

  it('fires what becomes due in the order of time, at its time', () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    clock.schedule(20, () => fired.push(`b at ${clock.now()}`));
    clock.schedule(10, () => {
      fired.push(`a at ${clock.now()}`);
      clock.schedule(5, () => fired.push(`c at ${clock.now()}`));
    });
    clock.schedule(30, () => fired.push('too late'));
    clock.advance(29);
    expect(fired).toEqual(['a at 10', 'c at 15', 'b at 20']);
  });

  it('fires nothing that was cancelled', () => {
    const clock = new VirtualClock();
    const cancel = clock.schedule(10, () => expect.unreachable());
    cancel();
    clock.advance(100);
  });

  it('does not go backwards', () => {
    expect(() => new VirtualClock().advance(-1)).toThrow(RangeError);
  });
});
