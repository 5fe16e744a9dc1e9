import type { ConnectionState, Keeper } from '@zk-recipes/core';
import { namesIn } from '@zk-recipes/core/recipe-kit';
import { type TcpProxy, until } from '@zk-recipes/test-support';
import { describeOnOwnServers, freshPath } from '@zk-recipes/test-support/vitest';
import { Coordinator, Participant, type ParticipantTransaction } from '@zk-recipes/two-phase-commit';
import { describe, expect, it } from 'vitest';
import { expire, ownServer, stage, untilState } from '../stage/stage.js';

/** Sessions are short: a server that does not answer is given up after two thirds of this. */
const brief = { sessionTimeoutMs: 1_500 };
/** How much longer than its limit an ending may take on a busy machine. */
const SLACK_MS = 1_000;

/** Something that is ended, in a session of its own behind a network of its own. */
interface Subject {
  readonly name: string;
  readonly keeper: Keeper;
  readonly proxy: TcpProxy;
  /** Directory of its ephemerals. */
  readonly ephemerals: string;
  readonly close: (timeoutMs: number) => Promise<void>;
  /** Settles when what was under way has ended. */
  readonly underWay: Promise<unknown>;
}

/** What happens to the servers. */
interface Situation {
  readonly name: string;
  /** Begins it for some subjects. Each proxy may be a black hole until then. */
  readonly begin: (subjects: readonly Subject[]) => Promise<void>;
  /** Resolves when a keeper knows of it. */
  readonly noticed: (keeper: Keeper) => Promise<unknown>;
  /** Ends it. */
  readonly end: (subjects: readonly Subject[]) => Promise<void>;
}

describeOnOwnServers('Endings of two-phase commit', { timeout: 60_000 }, () => {
  const server = ownServer({ tickTimeMs: 250 });
  const scene = stage(() => server().connectString);

  /** Starts a participant with this `prepare`; its other handlers do nothing. */
  async function participant(
    keeper: Keeper,
    path: string,
    prepare: (transaction: ParticipantTransaction<string>) => Promise<'commit' | 'abort'>,
  ): Promise<Participant<string>> {
    const made = new Participant<string>(keeper, path, 'ledger', { prepare, commit: () => {}, abort: () => {} });
    await made.start();
    return made;
  }

  const untilActive = (made: Participant<string>): Promise<true> =>
    until(() => (made.isActive ? true : undefined), { what: 'the participant to be active', everyMs: 5 });

  const commit = async (): Promise<'commit'> => 'commit';

  /** A handler that runs until it is told to end, or its signal aborts. */
  function running(): {
    readonly prepare: (transaction: ParticipantTransaction<string>) => Promise<'commit'>;
    readonly begun: Promise<AbortSignal>;
    end(): void;
  } {
    let begin = (_signal: AbortSignal): void => {};
    let end = (): void => {};
    const begun = new Promise<AbortSignal>((resolve) => {
      begin = resolve;
    });
    const ended = new Promise<'commit'>((resolve) => {
      end = () => resolve('commit');
    });
    const prepare = ({ signal }: ParticipantTransaction<string>): Promise<'commit'> => {
      begin(signal);
      return ended;
    };
    return { prepare, begun, end };
  }

  /** Sets up both classes in each of their states, each with its own keeper. */
  async function everySubject(): Promise<Subject[]> {
    const observer = await scene.keeper();
    const makers: Readonly<Record<string, (keeper: Keeper, path: string) => Promise<Partial<Subject>>>> = {
      'coordinator, idle': async (keeper, path) => {
        const made = new Coordinator<string>(keeper, path);
        await made.recover();
        return { close: (timeoutMs) => made.close({ timeoutMs }) };
      },
      'coordinator with a run': async (keeper, path) => {
        const made = new Coordinator<string>(keeper, path);
        const underWay = made.run({ payload: 'x', participants: ['nobody'], timeoutMs: 60_000 }).catch(() => {});
        await until(async () => ((await namesIn(observer, `${path}/transactions`)).length > 0 ? true : undefined), {
          what: 'the transaction',
        });
        return { close: (timeoutMs) => made.close({ timeoutMs }), underWay };
      },
      'coordinator that works in the background': async (keeper, path) => {
        const made = new Coordinator<string>(keeper, path, { recovery: 'background' });
        const other = await participant(await scene.keeper(), path, async () => 'abort');
        scene.afterwards(() => other.close());
        const outcome = await made.run({ payload: 'x', participants: ['ledger', 'nobody'], timeoutMs: 60_000 });
        expect(outcome.decision).toBe('aborted');
        await until(async () => ((await namesIn(observer, `${path}/recovery`)).length > 0 ? true : undefined), {
          what: 'the place in the line of those that recover',
        });
        return { close: (timeoutMs) => made.close({ timeoutMs }) };
      },
      'participant, idle': async (keeper, path) => {
        const made = await participant(keeper, path, commit);
        await untilActive(made);
        return { close: (timeoutMs) => made.close({ timeoutMs }) };
      },
      'participant, second in line': async (keeper, path) => {
        const first = await participant(await scene.keeper(), path, commit);
        await untilActive(first);
        const made = await participant(keeper, path, commit);
        scene.afterwards(() => made.close());
        return {
          close: async (timeoutMs) => {
            await made.close({ timeoutMs });
            void first.close();
          },
        };
      },
      'participant with a handler that runs': async (keeper, path) => {
        const handler = running();
        const made = await participant(keeper, path, handler.prepare);
        const coordinator = new Coordinator<string>(await scene.keeper(), path);
        scene.afterwards(() => coordinator.close());
        const run = coordinator.run({ payload: 'x', participants: ['ledger'], timeoutMs: 60_000 });
        run.catch(() => {});
        const signal = await handler.begun;
        return {
          close: async (timeoutMs) => {
            const closed = made.close({ timeoutMs });
            expect(signal.aborted).toBe(true);
            handler.end();
            await closed;
          },
        };
      },
    };
    return await Promise.all(
      Object.entries(makers).map(async ([name, make]) => {
        const { keeper, proxy } = await scene.proxied(brief);
        const path = freshPath('tx');
        const ephemerals = `${path}/${name.startsWith('coordinator') ? 'coordinators' : 'participants/ledger/line'}`;
        const made = await make(keeper, path);
        const close = made.close ?? (() => Promise.reject(new Error(`nothing to close in '${name}'`)));
        return { name, keeper, proxy, ephemerals, underWay: Promise.resolve(), ...made, close };
      }),
    );
  }

  const reaches = (...states: ConnectionState[]) => {
    return async (keeper: Keeper): Promise<void> => {
      if (!states.includes(keeper.connectionState))
        await Promise.race(states.map((state) => untilState(keeper, state)));
    };
  };
  const nextSession = async (keeper: Keeper): Promise<true> =>
    until(() => (keeper.sessionEpoch > 1 ? true : undefined), { what: 'the next session', everyMs: 5 });

  const situations: readonly Situation[] = [
    {
      name: 'the servers refuse connections',
      begin: async (subjects) => {
        for (const { proxy } of subjects) {
          proxy.refuse();
          proxy.cut();
          proxy.heal();
        }
      },
      noticed: reaches('SUSPENDED', 'LOST'),
      end: async (subjects) => void (await Promise.all(subjects.map(({ proxy }) => proxy.accept()))),
    },
    {
      name: 'the servers are silent',
      begin: async (subjects) => {
        for (const { proxy } of subjects) proxy.blackhole();
      },
      noticed: reaches('SUSPENDED', 'LOST'),
      end: async (subjects) => {
        for (const { proxy } of subjects) proxy.heal();
      },
    },
    {
      name: 'the servers are paused',
      begin: async (subjects) => {
        await server().pause();
        for (const { proxy } of subjects) proxy.heal();
      },
      noticed: reaches('SUSPENDED', 'LOST'),
      end: async () => await server().resume(),
    },
    {
      name: 'the servers come back without their data',
      begin: async (subjects) => {
        await server().wipe();
        for (const { proxy } of subjects) {
          proxy.cut();
          proxy.heal();
        }
        await server().start();
      },
      noticed: nextSession,
      end: async () => {},
    },
    {
      name: 'the session expires',
      begin: async (subjects) => {
        await Promise.all(subjects.map(({ keeper }) => expire(keeper, scene.server)));
        for (const { proxy } of subjects) {
          proxy.cut();
          proxy.heal();
        }
      },
      noticed: nextSession,
      end: async () => {},
    },
    {
      name: 'a server answers for another session',
      begin: async (subjects) => {
        for (const { proxy } of subjects) {
          proxy.forgetSessions();
          proxy.cut();
          proxy.heal();
        }
      },
      noticed: nextSession,
      end: async () => {},
    },
  ];

  /** Ends all, and waits for what was under way. @returns those that took longer, with the time in milliseconds */
  async function tooLate(subjects: readonly Subject[], timeoutMs: number, boundMs: number): Promise<object[]> {
    const beganMs = performance.now();
    const times = await Promise.all(
      subjects.map(async ({ name, close, underWay }) => {
        await close(timeoutMs);
        const closedMs = performance.now() - beganMs;
        await underWay;
        return { name, closedMs, settledMs: performance.now() - beganMs };
      }),
    );
    return times.filter(({ closedMs, settledMs }) => Math.max(closedMs, settledMs) > boundMs);
  }

  async function expectNothingLeft(subjects: readonly Subject[]): Promise<void> {
    const observer = await scene.keeper();
    for (const { ephemerals, name } of subjects) {
      await until(async () => ((await namesIn(observer, ephemerals)).length === 0 ? true : undefined), {
        what: `the ephemerals of ${name} to be gone`,
        timeoutMs: 10_000,
      });
    }
  }

  it.each(situations.slice(0, 3))('end with their keeper within three seconds when $name', async ({ begin, end }) => {
    // The session is long: no server is given up before the limits have passed.
    const { keeper, proxy } = await scene.proxied();
    const path = freshPath('tx');
    const one = new Coordinator<string>(keeper, path, { recovery: 'background' });
    const made = await participant(keeper, path, commit);
    expect((await one.run({ payload: 'x', participants: ['ledger'] })).decision).toBe('committed');
    const running = one.run({ payload: 'x', participants: ['ledger', 'nobody'], timeoutMs: 60_000 }).catch(() => {});
    const subject = { name: 'all', keeper, proxy, ephemerals: `${path}/coordinators`, close: () => one.close() };
    await begin([{ ...subject, underWay: running }]);
    const beganMs = performance.now();
    await Promise.all([one.close(), made.close()]);
    await keeper.close();
    await running;
    expect(performance.now() - beganMs).toBeLessThan(3_000 + SLACK_MS);
    await end([{ ...subject, underWay: running }]);
  });

  describe.each(situations)('when $name', ({ begin, noticed, end }) => {
    it('before the ending, it does not wait', async () => {
      const subjects = await everySubject();
      await begin(subjects);
      await Promise.all(subjects.map(({ keeper }) => noticed(keeper)));
      expect(await tooLate(subjects, 20_000, SLACK_MS)).toEqual([]);
      await end(subjects);
      await expectNothingLeft(subjects);
    });

    it('during the ending, it waits for its limit at most', async () => {
      const subjects = await everySubject();
      for (const { proxy } of subjects) proxy.blackhole();
      const ending = tooLate(subjects, 500, 500 + SLACK_MS);
      await begin(subjects);
      expect(await ending).toEqual([]);
      await end(subjects);
      await expectNothingLeft(subjects);
    });
  });
});
