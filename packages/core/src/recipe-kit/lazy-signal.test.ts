import { expect, it, vi } from 'vitest';
import { LazySignal } from './lazy-signal.js';

it('tells who asked before and who asks afterwards, with one reason', () => {
  const lazy = new LazySignal();
  const { signal } = lazy;
  const onAbort = vi.fn();
  signal.addEventListener('abort', onAbort);
  lazy.abort(() => new Error('over'));
  lazy.abort(() => new Error('over again'));
  expect(onAbort).toHaveBeenCalledOnce();
  expect(signal.reason).toEqual(new Error('over'));
  expect(lazy.signal).toBe(signal);
});

it('makes no reason that nobody asks for, and one for all who do', () => {
  const lazy = new LazySignal();
  const reason = vi.fn(() => new Error('over'));
  lazy.abort(reason);
  expect(reason).not.toHaveBeenCalled();
  expect(lazy.signal.aborted).toBe(true);
  expect(lazy.signal.reason).toBe(lazy.signal.reason);
  expect(reason).toHaveBeenCalledOnce();
});

it('looks whether it is time whenever it is asked', () => {
  let isTime = false;
  const lazy = new LazySignal(() => {
    if (isTime) lazy.abort(() => new Error('time'));
  });
  const { signal } = lazy;
  expect(signal.aborted).toBe(false);
  signal.throwIfAborted();
  isTime = true;
  expect(() => signal.throwIfAborted()).toThrow('time');
  expect(signal.aborted).toBe(true);
});
