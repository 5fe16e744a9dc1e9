import { ClosedError, type Keeper } from '@zk-recipes/core';
import { until } from '@zk-recipes/test-support';
import { describeOnSharedServer, freshPath } from '@zk-recipes/test-support/vitest';
import {
  Coordinator,
  Participant,
  type ParticipantHandlers,
  type ParticipantTransaction,
} from '@zk-recipes/two-phase-commit';
import { InMemoryResource } from '@zk-recipes/two-phase-commit/testing';
import { expect, it } from 'vitest';
import { expire, stage } from '../stage/stage.js';
import { untilSettled } from './settled.js';

interface Transfer {
  readonly amount: number;
}

describeOnSharedServer('Two-phase commit', () => {
  const scene = stage();

  async function participant(
    path: string,
    name: string,
    handlers: ParticipantHandlers<Transfer> = new InMemoryResource<Transfer>(),
    options: { concurrency?: number; keeper?: Keeper } = {},
  ): Promise<Participant<Transfer>> {
    const { keeper = await scene.keeper(), ...rest } = options;
    const made = new Participant<Transfer>(keeper, path, name, handlers, rest);
    await made.start();
    scene.afterwards(() => made.close());
    return made;
  }

  async function coordinator(path: string, options = {}): Promise<Coordinator<Transfer>> {
    const made = new Coordinator<Transfer>(await scene.keeper(), path, options);
    scene.afterwards(() => made.close());
    return made;
  }

  it('commits when all vote to commit, and leaves no transaction behind', async () => {
    const path = freshPath('tx');
    const [ledger, stock] = [new InMemoryResource<Transfer>(), new InMemoryResource<Transfer>()];
    await participant(path, 'ledger', ledger);
    await participant(path, 'stock', stock);
    const one = await coordinator(path);
    const outcome = await one.run({ payload: { amount: 5 }, participants: ['ledger', 'stock'], timeoutMs: 10_000 });
    expect(outcome).toEqual({
      id: expect.any(String),
      decision: 'committed',
      votes: { ledger: 'commit', stock: 'commit' },
    });
    await untilSettled(await scene.keeper(), path);
    expect([ledger.stateOf(outcome.id), stock.stateOf(outcome.id)]).toEqual(['committed', 'committed']);
    expect(ledger.calls.map(({ handler }) => handler)).toEqual(['prepare', 'commit']);
    expect(await one.pending()).toEqual([]);
    expect(scene.errors).toEqual([]);
  });

  it('aborts when one votes abort, and keeps the reason of an exception', async () => {
    const path = freshPath('tx');
    const ledger = new InMemoryResource<Transfer>();
    const stock = new InMemoryResource<Transfer>(() => {
      throw new Error('sold out');
    });
    await participant(path, 'ledger', ledger);
    await participant(path, 'stock', stock);
    const one = await coordinator(path);
    const outcome = await one.run({ payload: { amount: 5 }, participants: ['ledger', 'stock'] });
    expect(outcome).toMatchObject({ decision: 'aborted', reason: 'stock voted abort: sold out' });
    await untilSettled(await scene.keeper(), path);
    expect([ledger.stateOf(outcome.id), stock.stateOf(outcome.id)]).toEqual(['aborted', 'aborted']);
  });

  it('takes any other answer of prepare for abort', async () => {
    const path = freshPath('tx');
    const handlers = { prepare: () => 'yes' as 'commit', commit: () => {}, abort: () => {} };
    await participant(path, 'ledger', handlers);
    const outcome = await (await coordinator(path)).run({ payload: { amount: 1 }, participants: ['ledger'] });
    expect(outcome.reason).toMatch(/prepare returned yes instead of/);
  });

  it('tells participants that no process serves from those that are slow', async () => {
    const path = freshPath('tx');
    const prepare = ({ signal }: ParticipantTransaction<Transfer>): Promise<never> =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const slow = { prepare, commit: () => {}, abort: () => {} };
    await participant(path, 'slow', slow);
    const one = await coordinator(path);
    const run = (participants: string[]) => one.run({ payload: { amount: 1 }, participants, timeoutMs: 300 });
    expect((await run(['slow'])).reason).toBe('not all had voted after 300 ms');
    expect((await run(['typo', 'slow', 'gone'])).reason).toBe(
      'not all had voted after 300 ms; no process serves typo, gone',
    );
  });

  it('aborts when not all vote in time, and tells a participant that comes later', async () => {
    const path = freshPath('tx');
    const one = await coordinator(path);
    const outcome = await one.run({ payload: { amount: 1 }, participants: ['late'], timeoutMs: 500 });
    const reason = 'not all had voted after 500 ms; no process serves late';
    expect(outcome).toMatchObject({ decision: 'aborted', reason, votes: {} });
    expect(await one.pending()).toMatchObject([
      { id: outcome.id, decision: 'aborted', unfinished: ['late'], isCoordinatorAlive: true, troubles: {} },
    ]);
    const late = new InMemoryResource<Transfer>();
    await participant(path, 'late', late);
    await untilSettled(await scene.keeper(), path);
    expect(late.calls).toEqual([{ handler: 'abort', id: outcome.id }]);
  });

  it('aborts when the caller gives up, and has prepare stop by its signal', async () => {
    const path = freshPath('tx');
    const caller = new AbortController();
    const reason = new Error('no longer wanted');
    let stopped: unknown = null;
    const slow = new InMemoryResource<Transfer>(({ signal }) => {
      caller.abort(reason);
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          stopped = signal.reason;
          reject(signal.reason);
        });
      });
    });
    await participant(path, 'slow', slow);
    const one = await coordinator(path);
    const running = one.run({ payload: { amount: 1 }, participants: ['slow'], signal: caller.signal });
    await expect(running).rejects.toBe(reason);
    await untilSettled(await scene.keeper(), path);
    expect((stopped as Error).message).toMatch(/is decided/);
    expect(slow.calls.map(({ handler }) => handler)).toEqual(['prepare', 'abort']);
  });

  it('calls commit again until it succeeds, and shows why it has not', async () => {
    const path = freshPath('tx');
    let open = false;
    let calls = 0;
    const moody: ParticipantHandlers<Transfer> = {
      prepare: () => 'commit',
      commit: () => {
        calls += 1;
        if (!open) throw new TypeError('the disk is full');
      },
      abort: () => {},
    };
    await participant(path, 'moody', moody);
    const one = await coordinator(path);
    const outcome = await one.run({ payload: { amount: 1 }, participants: ['moody'] });
    expect(outcome.decision).toBe('committed');
    const [pending] = await until(
      async () => {
        const found = await one.pending();
        return (found[0]?.troubles['moody']?.failures ?? 0) >= 2 ? found : undefined;
      },
      { what: 'two failures' },
    );
    expect(pending).toMatchObject({ decision: 'committed', troubles: { moody: { message: 'the disk is full' } } });
    open = true;
    await untilSettled(await scene.keeper(), path);
    expect(calls).toBeGreaterThanOrEqual(3);
    expect(scene.errors.length).toBeGreaterThanOrEqual(2);
  });

  it('runs a bounded number of handlers at once, while others wait for their decision', async () => {
    const path = freshPath('tx');
    let [now, most] = [0, 0];
    let meet = (): void => {};
    const met = new Promise<void>((resolve) => {
      meet = resolve;
    });
    const counting = new InMemoryResource<Transfer>(async (): Promise<'commit'> => {
      now += 1;
      most = Math.max(most, now);
      if (now === 2) meet();
      await met;
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      return 'commit';
    });
    await participant(path, 'counting', counting, { concurrency: 2 });
    const one = await coordinator(path);
    const runs = Array.from({ length: 20 }, () => one.run({ payload: { amount: 1 }, participants: ['counting'] }));
    expect((await Promise.all(runs)).every(({ decision }) => decision === 'committed')).toBe(true);
    expect(most).toBe(2);
    await untilSettled(await scene.keeper(), path);
  });

  it('does not block itself where two share participants with one slot each', async () => {
    const path = freshPath('tx');
    await participant(path, 'a', undefined, { concurrency: 1 });
    await participant(path, 'b', undefined, { concurrency: 1 });
    const one = await coordinator(path);
    const runs = Array.from({ length: 10 }, (_, index) =>
      one.run({ payload: { amount: 1 }, participants: index % 2 === 0 ? ['a', 'b'] : ['b', 'a'] }),
    );
    expect((await Promise.all(runs)).map(({ decision }) => decision)).toEqual(Array(10).fill('committed'));
    await untilSettled(await scene.keeper(), path);
  });

  it('finishes what others wait for in their prepare, with one slot', async () => {
    const path = freshPath('tx');
    let letGo: (() => void) | null = null;
    // As a database with one row: who wants it next waits until who has prepared is done with it.
    let row: Promise<void> = Promise.resolve();
    const free = (): void => letGo?.();
    const handlers: ParticipantHandlers<Transfer> = {
      prepare: async () => {
        await row;
        row = new Promise((resolve) => {
          letGo = resolve;
        });
        return 'commit' as const;
      },
      commit: free,
      abort: free,
    };
    await participant(path, 'ledger', handlers, { concurrency: 1 });
    const one = await coordinator(path);
    const runs = Array.from({ length: 3 }, () => one.run({ payload: { amount: 1 }, participants: ['ledger'] }));
    expect((await Promise.all(runs)).map(({ decision }) => decision)).toEqual(Array(3).fill('committed'));
    await untilSettled(await scene.keeper(), path);
  });

  it('has a standby go on when the session of the active one is gone, after its vote', async () => {
    const path = freshPath('tx');
    const database = new InMemoryResource<Transfer>();
    const other = new InMemoryResource<Transfer>(
      () =>
        new Promise<'commit'>((resolve) => {
          release = () => resolve('commit');
        }),
    );
    let release = (): void => {};
    const first = await scene.keeper();
    await participant(path, 'ledger', database, { keeper: first });
    const standby = await participant(path, 'ledger', database);
    await participant(path, 'other', other);
    const one = await coordinator(path);
    const running = one.run({ payload: { amount: 1 }, participants: ['ledger', 'other'] });
    await until(async () => ((await one.pending())[0]?.votes['ledger'] === 'commit' ? true : undefined), {
      what: 'the vote',
    });
    expect(standby.isActive).toBe(false);
    await expire(first, scene.server);
    await until(() => (standby.isActive ? true : undefined), { what: 'the standby to be active' });
    await until(() => (other.calls.length > 0 ? true : undefined), { what: 'the other to prepare' });
    release();
    const outcome = await running;
    expect(outcome.decision).toBe('committed');
    await untilSettled(await scene.keeper(), path);
    expect(database.calls.map(({ handler }) => handler)).toEqual(['prepare', 'commit']);
  });

  it('votes abort on a payload that it cannot read', async () => {
    const path = freshPath('tx');
    const codec = {
      encode: () => Buffer.from('{'),
      decode: (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()) as Transfer,
    };
    const ledger = new InMemoryResource<Transfer>();
    await participant(path, 'ledger', ledger);
    const one = await coordinator(path, { codec });
    const outcome = await one.run({ payload: { amount: 1 }, participants: ['ledger'] });
    expect(outcome.reason).toMatch(/^ledger voted abort: the payload cannot be read/);
    await untilSettled(await scene.keeper(), path);
    expect(ledger.calls).toEqual([]);
    expect(scene.errors).toHaveLength(1);
  });

  it('leaves foreign znodes alone, and shows those among its transactions', async () => {
    const path = freshPath('tx');
    const hand = await scene.keeper();
    for (const place of ['transactions/foreign', 'participants/ledger/inbox/foreign', 'coordinators/foreign/x']) {
      await hand.create().creatingParents().forPath(`${path}/${place}`, 'not ours');
    }
    const ledger = new InMemoryResource<Transfer>();
    await participant(path, 'ledger', ledger);
    const one = await coordinator(path);
    expect(await one.recover()).toMatchObject({ aborted: [], removed: [], failed: [{ id: 'foreign' }] });
    const outcome = await one.run({ payload: { amount: 1 }, participants: ['ledger'] });
    expect(outcome.decision).toBe('committed');
    await until(
      async () => ((await hand.getChildren().forPath(`${path}/transactions`)).length === 1 ? true : undefined),
      {
        what: 'only the foreign one to be left',
      },
    );
    expect(await hand.getChildren().forPath(`${path}/participants/ledger/inbox`)).toEqual(['foreign']);
    const shown = { path: `${path}/transactions/foreign`, message: expect.stringContaining('does not hold') };
    expect(await one.pending()).toMatchObject([{ id: 'foreign', participants: [], unreadable: [shown, {}] }]);
  });

  it('closes twice, at once, and refuses what comes later', async () => {
    const path = freshPath('tx');
    const one = await coordinator(path);
    const running = one.run({ payload: { amount: 1 }, participants: ['nobody'] });
    const failed = expect(running).rejects.toBeInstanceOf(ClosedError);
    const member = await participant(path, 'ledger');
    await Promise.all([one.close(), one[Symbol.asyncDispose](), member.close(), member[Symbol.asyncDispose]()]);
    await failed;
    await expect(one.run({ payload: { amount: 1 }, participants: ['ledger'] })).rejects.toBeInstanceOf(ClosedError);
    await expect(member.start()).rejects.toBeInstanceOf(ClosedError);
    expect(await (await scene.keeper()).getChildren().forPath(`${path}/coordinators`)).toEqual([]);
  });

  it('names what is wrong', async () => {
    const keeper = await scene.keeper();
    const path = freshPath('tx');
    const handlers = new InMemoryResource<Transfer>();
    expect(() => new Participant(keeper, path, 'a/b', handlers)).toThrow(/`name`/);
    expect(() => new Participant(keeper, path, 'a', {} as typeof handlers)).toThrow(/handlers/);
    expect(() => new Participant(keeper, path, 'a', handlers, { concurrency: 0 })).toThrow(/`concurrency`/);
    expect(() => new Coordinator(keeper, path, { recovery: 'x' as 'manual' })).toThrow(/`recovery`/);
    const one = await coordinator(path);
    await expect(one.run({ payload: { amount: 1 }, participants: [] })).rejects.toThrow(/`participants`/);
    await expect(one.run({ payload: { amount: 1 }, participants: ['a', 'a'] })).rejects.toThrow(
      /each participant once/,
    );
    await expect(one.run({ payload: { amount: 1 }, participants: ['a'], timeoutMs: 0 })).rejects.toThrow(RangeError);
  });
});
