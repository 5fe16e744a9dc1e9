import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { follow, unfollow } from './signal-followers.js';

const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

describe('followers of a signal', () => {
  it('share one listener, which the last to leave takes along', () => {
    const { signal } = new AbortController();
    const adding = vi.spyOn(signal, 'addEventListener');
    const followers = Array.from({ length: 40_000 }, () => () => {});
    for (const follower of followers) follow(signal, follower);
    expect([listenersOf(signal), adding.mock.calls.length]).toEqual([1, 1]);
    for (const follower of followers.slice(1)) unfollow(signal, follower);
    expect(listenersOf(signal)).toBe(1);
    unfollow(signal, followers[0] as () => void);
    expect(listenersOf(signal)).toBe(0);
  });

  it('are called once, in the order in which they came, unless they have left', () => {
    const controller = new AbortController();
    const told: string[] = [];
    const names = ['first', 'second', 'third', 'fourth'];
    const followers = names.map((name) => () => void told.push(name));
    for (const follower of followers) follow(controller.signal, follower);
    follow(controller.signal, followers[0] as () => void);
    unfollow(controller.signal, followers[1] as () => void);
    follow(controller.signal, followers[1] as () => void);
    unfollow(controller.signal, followers[2] as () => void);
    controller.abort();
    controller.abort();
    expect(told).toEqual(['first', 'fourth', 'second']);
    expect(listenersOf(controller.signal)).toBe(0);
  });

  it('that another follower takes out during the abort are not called, nor those that it puts in', () => {
    const controller = new AbortController();
    const told: string[] = [];
    const late = (): void => void told.push('late');
    const removed = (): void => void told.push('removed');
    follow(controller.signal, () => {
      unfollow(controller.signal, removed);
      follow(controller.signal, late);
      told.push('first');
    });
    follow(controller.signal, removed);
    follow(controller.signal, () => void told.push('last'));
    controller.abort();
    follow(controller.signal, late);
    controller.abort();
    expect(told).toEqual(['first', 'last']);
  });

  it('are called although one of them throws, which is an uncaught exception', async () => {
    const controller = new AbortController();
    const error = new Error('thrown by a follower');
    const told = vi.fn();
    follow(controller.signal, () => {
      throw error;
    });
    follow(controller.signal, told);
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const uncaught = new Promise((resolve) => process.once('uncaughtException', resolve));
    controller.abort();
    expect(told).toHaveBeenCalledOnce();
    expect(await uncaught).toBe(error);
    for (const other of others) process.on('uncaughtException', other);
  });

  it('of a signal that keeps its listeners by itself are left to it', () => {
    const signal = { aborted: false, reason: null, addEventListener: vi.fn(), removeEventListener: vi.fn() };
    const follower = (): void => {};
    follow(signal, follower);
    expect(signal.addEventListener).toHaveBeenCalledExactlyOnceWith('abort', follower, { once: true });
    unfollow(signal, follower);
    expect(signal.removeEventListener).toHaveBeenCalledExactlyOnceWith('abort', follower);
  });

  it('of no signal are never called', () => {
    follow(undefined, () => expect.unreachable());
    unfollow(undefined, () => {});
  });
});
