import { describe, expect, it } from 'vitest';
import { ZooKeeperError } from 'zookeeper-ts-client';
import { HoldLostError, NotHeldError, RecipeError } from './errors.js';

describe('errors', () => {
  it('say what, where and which', () => {
    const error = new HoldLostError('/locks/a', 'validity');
    expect(error).toBeInstanceOf(RecipeError);
    expect(error).toBeInstanceOf(ZooKeeperError);
    expect(error).toMatchObject({ name: 'HoldLostError', code: 'ZK_HOLD_LOST', path: '/locks/a', reason: 'validity' });
    expect(error.message).toBe('hold of /locks/a ended: the session may have expired by now (ZK_HOLD_LOST)');
    expect(error.stack).toMatch(/^HoldLostError: /);
  });

  it('keep their cause', () => {
    const cause = new HoldLostError('/locks/a', 'released');
    expect(new NotHeldError('/locks/a', { cause })).toMatchObject({ name: 'NotHeldError', code: 'ZK_NOT_HELD', cause });
  });
});
