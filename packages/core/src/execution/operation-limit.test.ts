import { getEventListeners, getMaxListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { TimeLimitError } from '../errors.js';
import { type LimitedOperation, OperationLimit } from './operation-limit.js';

/** Resolves when the operation aborts. */
const aborted = (operation: LimitedOperation): Promise<void> =>
  new Promise((resolve) => operation.addEventListener('abort', resolve));

describe('the time limit of operations', () => {
  it('ends those that are running when it has passed, in the order in which they began, and none before', async () => {
    const limit = new OperationLimit(20);
    const beganMs = performance.now();
    const first = limit.begin(undefined);
    const ended = limit.begin(undefined);
    limit.end(ended);
    const order: string[] = [];
    first.addEventListener('abort', () => order.push('first'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    const second = limit.begin(undefined);
    second.addEventListener('abort', () => order.push('second'));
    await aborted(second);
    expect(performance.now() - beganMs).toBeGreaterThanOrEqual(24);
    expect(order).toEqual(['first', 'second']);
    expect(ended.aborted).toBe(false);
    expect(second.reason).toBeInstanceOf(TimeLimitError);
    expect(second.reason).toHaveProperty('message', 'not done within 20 ms (operationTimeoutMs) (ZK_TIME_LIMIT)');
  });

  it('does not end an operation whose answer has arrived behind a blocked event loop', async () => {
    const limit = new OperationLimit(5);
    const operation = limit.begin(undefined);
    const answer = new Promise<void>((resolve) => setImmediate(resolve)).then(() => limit.end(operation));
    for (const beganMs = performance.now(); performance.now() - beganMs < 20; );
    await answer;
    const later = limit.begin(undefined);
    await aborted(later);
    expect(operation.aborted).toBe(false);
  });

  it('follows the signal of the caller until the operation ends', () => {
    const limit = new OperationLimit(60_000);
    const caller = new AbortController();
    const [running, ended] = [limit.begin(caller.signal), limit.begin(caller.signal)];
    limit.end(ended);
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(1);
    caller.abort('enough');
    expect(running).toMatchObject({ aborted: true, reason: 'enough', expiry: null });
    expect(ended.aborted).toBe(false);
    limit.end(running);
  });

  it('follows the signal of any number of operations by one listener, and leaves its warnings to the caller', () => {
    const limit = new OperationLimit(60_000);
    const caller = new AbortController();
    const mostBefore = getMaxListeners(caller.signal);
    const operations = Array.from({ length: 1_000 }, () => limit.begin(caller.signal));
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(1);
    expect(getMaxListeners(caller.signal)).toBe(mostBefore);
    caller.abort('enough');
    expect(operations.every(({ aborted, reason }) => aborted && reason === 'enough')).toBe(true);
    for (const operation of operations) limit.end(operation);
  });

  it('tells all that listen, whichever of them has left', async () => {
    const limit = new OperationLimit(10);
    const operation = limit.begin(undefined);
    const told: string[] = [];
    const listeners = ['first', 'second', 'third', 'fourth'].map((name) => () => void told.push(name));
    const [first, second] = listeners as [() => void, () => void];
    for (const listener of listeners.slice(0, 3)) operation.addEventListener('abort', listener);
    for (const listener of [first, second]) operation.removeEventListener('abort', listener);
    operation.addEventListener('abort', listeners[3] as () => void);
    await aborted(operation);
    expect(told.sort()).toEqual(['fourth', 'third']);
  });

  it('ends operations that others between them have not outlived', async () => {
    const limit = new OperationLimit(20);
    const operations = Array.from({ length: 6 }, () => limit.begin(undefined));
    for (const index of [0, 2, 3, 5]) limit.end(operations[index] as LimitedOperation);
    const last = limit.begin(undefined);
    await aborted(last);
    expect([...operations, last].map((operation) => operation.aborted)).toEqual([
      false,
      true,
      false,
      false,
      true,
      false,
      true,
    ]);
  });

  it('gives an AbortSignal to what needs one, and leaves no listener', async () => {
    const limit = new OperationLimit(10);
    const operation = limit.begin(undefined);
    const wait = (signal: AbortSignal): Promise<unknown> =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason)));
    expect(await operation.within(wait)).toBe(operation.expiry);
    expect(await operation.within(async (signal) => signal.aborted)).toBe(true);
    expect(operation.expiry).toBeInstanceOf(TimeLimitError);
  });
});
