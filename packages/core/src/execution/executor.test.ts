import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import {
  ConnectionLossError,
  NoNodeError,
  NotReadOnlyError,
  SessionExpiredError,
  SessionMovedError,
  ThrottledOpError,
  type ZooKeeper,
} from 'zookeeper-ts-client';
import { type Attempt, Executor, type Incarnation, once, type SessionSource } from './executor.js';
import { retryForever, retryNTimes, retryUntilElapsed } from './retry-policy.js';
import { sessionEnd } from './session-end.js';

const notSent = () => new ConnectionLossError('create', '/a', 'not-sent');
const unknown = () => new ConnectionLossError('create', '/a', 'unknown');
const expired = () => new SessionExpiredError();

/** Sessions without a network: which epoch is there is set by hand. */
class Sessions implements SessionSource {
  epoch = 1;
  readonly closing = new AbortController();
  readonly over = this.closing.signal;
  #waiting: (() => void)[] = [];

  usable(sinceEpoch: number): Incarnation | null {
    return this.epoch < sinceEpoch ? null : { zookeeper: {} as ZooKeeper, epoch: this.epoch };
  }
  async awaitUsable(sinceEpoch: number, signal?: AbortSignal): Promise<Incarnation> {
    for (;;) {
      signal?.throwIfAborted();
      const session = this.usable(sinceEpoch);
      if (session !== null) return session;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal?.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }
  next(): void {
    this.epoch++;
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

function executorWith(
  retry = retryNTimes({ retries: 3, delayMs: 0 }),
  operationTimeoutMs?: number,
): { executor: Executor; sessions: Sessions } {
  const sessions = new Sessions();
  return { executor: new Executor(sessions, retry, operationTimeoutMs), sessions };
}

/** Fails with each error in turn, then succeeds. */
function failing(...errors: Error[]): { attempt: () => Promise<string>; count: () => number } {
  let count = 0;
  const attempt = async (): Promise<string> => {
    const error = errors[count++];
    if (error !== undefined) throw error;
    return 'done';
  };
  return { attempt, count: () => count };
}

describe('Executor', () => {
  it('makes the first attempt in the tick of the call', async () => {
    const { executor } = executorWith();
    let begun = false;
    const result = executor.run(async () => {
      begun = true;
    });
    expect(begun).toBe(true);
    await result;
  });

  it.each([
    ['a request that was not sent', notSent],
    ['a lost reply, where a repetition is safe', unknown],
    ['a throttled request', () => new ThrottledOpError(-127, 'create', '/a')],
    ['a session that has moved', () => new SessionMovedError(-118, 'create', '/a')],
    ['a server in read-only mode', () => new NotReadOnlyError(-119, 'create', '/a')],
  ])('repeats after %s', async (_, error) => {
    const { executor } = executorWith();
    const { attempt, count } = failing(error(), error());
    expect(await executor.run(attempt)).toBe('done');
    expect(count()).toBe(3);
  });

  it('lets many operations wait to be repeated, and leaves no listener behind', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const { executor, sessions } = executorWith(retryNTimes({ retries: 3, delayMs: 5 }));
    await Promise.all(Array.from({ length: 50 }, () => executor.run(failing(notSent(), notSent()).attempt)));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
    expect(getEventListeners(sessions.over, 'abort')).toHaveLength(0);
  });

  it('never repeats after an answer', async () => {
    const { executor } = executorWith();
    const { attempt, count } = failing(new NoNodeError(-101, 'delete', '/a'));
    await expect(executor.run(attempt)).rejects.toBeInstanceOf(NoNodeError);
    expect(count()).toBe(1);
  });

  it.each([
    ['a lost reply', unknown],
    ['an expired session', expired],
  ])('never sends again what is to be sent once, after %s', async (_, error) => {
    const { executor } = executorWith();
    const wanted = error();
    const first = failing(wanted);
    await expect(executor.run(() => once(first.attempt()))).rejects.toBe(wanted);
    expect(first.count()).toBe(1);
    const later = failing(notSent(), wanted);
    await expect(executor.run(() => once(later.attempt()))).rejects.toBe(wanted);
    expect(later.count()).toBe(2);
  });

  it('does not say "not sent" when an earlier attempt may have been executed', async () => {
    const { executor } = executorWith();
    const { attempt } = failing(unknown(), notSent(), notSent(), notSent());
    await expect(executor.run(attempt)).rejects.toMatchObject({ outcome: 'unknown', cause: { outcome: 'not-sent' } });
  });

  it('says "not sent" when no attempt was', async () => {
    const { executor } = executorWith();
    const { attempt, count } = failing(notSent(), notSent(), notSent(), notSent());
    await expect(executor.run(attempt)).rejects.toMatchObject({ outcome: 'not-sent' });
    expect(count()).toBe(4);
  });

  it('goes to the next session when one has expired, and waits for it', async () => {
    const { executor, sessions } = executorWith();
    const epochs: number[] = [];
    const { attempt } = failing(expired());
    const result = executor.run((given) => {
      epochs.push(given.epoch);
      if (given.epoch === 1) setImmediate(() => sessions.next());
      return attempt();
    });
    expect(await result).toBe('done');
    expect(epochs).toEqual([1, 2]);
  });

  it('stops when the time is up', async () => {
    const { executor } = executorWith(retryUntilElapsed({ maxElapsedMs: 0, delayMs: 0 }));
    const { attempt, count } = failing(notSent(), notSent());
    await expect(executor.run(attempt)).rejects.toBeInstanceOf(ConnectionLossError);
    expect(count()).toBe(1);
  });

  it('begins nothing for a caller who has given up already', async () => {
    const { executor } = executorWith();
    const { attempt, count } = failing();
    await expect(executor.run(attempt, { signal: AbortSignal.abort('enough') })).rejects.toBe('enough');
    expect(count()).toBe(0);
  });

  it('gives up between two attempts, with the reason, whatever that is', async () => {
    const { executor } = executorWith(retryForever({ delayMs: 60_000 }));
    const giveUp = new AbortController();
    const result = executor.run(failing(notSent()).attempt, { signal: giveUp.signal });
    setImmediate(() => giveUp.abort('enough'));
    await expect(result).rejects.toBe('enough');
  });

  it('does not deny what was done in the moment of giving up', async () => {
    const { executor } = executorWith();
    const giveUp = new AbortController();
    const { attempt } = failing(notSent());
    const result = executor.run(
      async () => {
        const done = await attempt();
        giveUp.abort(new Error('enough'));
        return done;
      },
      { signal: giveUp.signal },
    );
    expect(await result).toBe('done');
  });

  it('has nobody listen for the end of a session who is told of it anyway, and gives nothing out of the next', async () => {
    const { executor, sessions } = executorWith();
    const end = sessionEnd();
    const caller = new AbortController();
    const seen: Attempt['signal'][] = [];
    const note = async ({ signal }: Attempt): Promise<number> => seen.push(signal);
    await executor.run(note, { signal: end.signal });
    await executor.run(note, { signal: caller.signal });
    expect(seen).toEqual([undefined, caller.signal]);
    const waiting = executor.run(failing(expired()).attempt, { signal: end.signal });
    await new Promise((resolve) => setImmediate(resolve));
    end.abort(new Error('another session has begun'));
    sessions.next();
    await expect(waiting).rejects.toThrow('another session has begun');
    const next = sessionEnd();
    const late = async (): Promise<string> => {
      next.abort(new Error('another session has begun'));
      return 'of the next';
    };
    await expect(executor.run(late, { signal: next.signal })).rejects.toThrow('another session has begun');
    expect(getEventListeners(end.signal, 'abort')).toEqual([]);
  });

  describe('with a time limit', () => {
    const limitMs = 30;

    /** Makes a request that is never answered, and rejects as the client does when its signal aborts. */
    const unanswered =
      (outcome: 'not-sent' | 'unknown') =>
      ({ signal }: Attempt): Promise<string> =>
        new Promise((_, reject) => {
          signal?.addEventListener('abort', () =>
            reject(new ConnectionLossError('create', '/a', outcome, signal.reason)),
          );
        });

    it.each([
      ['unknown', 'no reply to the request'],
      ['not-sent', 'no connection to send the request on'],
    ] as const)('ends a first attempt that is not answered, its request being %s', async (outcome, why) => {
      const { executor } = executorWith(retryForever({ delayMs: 0 }), limitMs);
      const error = await executor.run(unanswered(outcome)).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(ConnectionLossError);
      expect(error).toMatchObject({ operation: 'create', path: '/a', outcome, cause: { code: 'ZK_TIME_LIMIT' } });
      expect((error as Error).message).toContain(`not done within ${limitMs} ms (operationTimeoutMs): ${why}`);
    });

    it('ends what must not be sent twice alike', async () => {
      const { executor } = executorWith(retryForever({ delayMs: 0 }), limitMs);
      const running = executor.run((attempt) => once(unanswered('unknown')(attempt)));
      await expect(running).rejects.toMatchObject({ outcome: 'unknown', cause: { code: 'ZK_TIME_LIMIT' } });
    });

    it('ends the repetitions of a policy without end, and says what the last attempt said', async () => {
      const { executor } = executorWith(retryForever({ delayMs: 1 }), limitMs);
      const running = executor.run(async () => {
        throw new ConnectionLossError('create', '/a', 'not-sent', new Error('no connection within 7 ms'));
      });
      await expect(running).rejects.toMatchObject({ outcome: 'not-sent', cause: { cause: { outcome: 'not-sent' } } });
      await expect(running).rejects.toThrow(/not done within 30 ms .*the last attempt: .*no connection within 7 ms/);
    });

    it('ends a pause between two attempts, and says "unknown" if an earlier attempt may have been executed', async () => {
      const { executor } = executorWith(retryForever({ delayMs: 60_000 }), limitMs);
      await expect(executor.run(failing(unknown()).attempt)).rejects.toMatchObject({
        outcome: 'unknown',
        cause: { code: 'ZK_TIME_LIMIT' },
      });
    });

    it('ends the waiting for a session', async () => {
      const { executor, sessions } = executorWith(retryForever({ delayMs: 0 }), limitMs);
      sessions.epoch = -1;
      await expect(executor.run(failing().attempt)).rejects.toMatchObject({
        operation: 'open session',
        outcome: 'not-sent',
        cause: { code: 'ZK_TIME_LIMIT' },
      });
    });

    it('leaves an answer what it is', async () => {
      const { executor } = executorWith(retryForever({ delayMs: 0 }), limitMs);
      const answer = new NoNodeError(-101, 'delete', '/a');
      const late = ({ signal }: Attempt): Promise<string> =>
        new Promise((_, reject) => signal?.addEventListener('abort', () => reject(answer)));
      await expect(executor.run(late)).rejects.toBe(answer);
    });

    it('lets a smaller limit of the retry policy end it first', async () => {
      const { executor } = executorWith(retryNTimes({ retries: 1, delayMs: 0 }), 60_000);
      const { attempt, count } = failing(notSent(), notSent(), notSent());
      const error = await executor.run(attempt).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ outcome: 'not-sent' });
      expect(error).toHaveProperty('cause', undefined);
      expect(count()).toBe(2);
    });

    it('lets the caller give up first, with the reason', async () => {
      const { executor } = executorWith(retryForever({ delayMs: 60_000 }), 60_000);
      const giveUp = new AbortController();
      const running = executor.run(unanswered('unknown'), { signal: giveUp.signal });
      giveUp.abort('enough');
      await expect(running).rejects.toBe('enough');
      expect(getEventListeners(giveUp.signal, 'abort')).toEqual([]);
    });
  });

  it('refuses everything but the cleaning up once it is over, also what waits for its next attempt', async () => {
    const { executor, sessions } = executorWith(retryForever({ delayMs: 60_000 }));
    const waiting = executor.run(failing(notSent()).attempt);
    const reason = new Error('closed');
    setImmediate(() => sessions.closing.abort(reason));
    await expect(waiting).rejects.toBe(reason);
    await expect(executor.run(failing().attempt)).rejects.toBe(reason);
    expect(await executor.run(failing().attempt, { whileClosing: true })).toBe('done');
  });
});
