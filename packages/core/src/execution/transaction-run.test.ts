import { describe, expect, it } from 'vitest';
import {
  ConnectionLossError,
  type MultiOp,
  type MultiResult,
  NoNodeError,
  type Stat,
  ThrottledOpError,
  type ZooKeeper,
} from 'zookeeper-ts-client';
import type { Execution } from './execution.js';
import type { Attempt } from './executor.js';
import { OwnEphemerals } from './own-ephemerals.js';
import { TransactionRun } from './transaction-run.js';

const uuid = '00000000-0000-4000-8000-000000000000';
const notSent = () => new ConnectionLossError('multi', null, 'not-sent');
const unknown = () => new ConnectionLossError('multi', null, 'unknown');
const throttled = () => new ThrottledOpError(-127, 'multi', null);
const created = { type: 'create', path: `/line/_c_${uuid}-lock-0000000000`, stat: {} as Stat } as const;

/** A server that commits as it is told, and what is asked of it and of the background. */
class Scene {
  readonly asked: string[] = [];
  readonly abandoned: (number | undefined)[] = [];
  readonly run: TransactionRun;

  constructor(mode: 'EPHEMERAL_SEQUENTIAL' | 'PERSISTENT_SEQUENTIAL' = 'EPHEMERAL_SEQUENTIAL') {
    const execution = {
      namespace: { root: '' },
      ephemerals: new OwnEphemerals(),
      deletes: { deleteProtected: (_: string, __: string, epoch: number | undefined) => this.abandoned.push(epoch) },
    } as unknown as Execution;
    const operation: MultiOp = { type: 'create', path: '/line/lock-', data: null, options: { mode } };
    this.run = new TransactionRun(execution, [{ operation, protection: true }], false, () => uuid);
  }

  /** Makes an attempt in a session, which ends like this; what was committed unheard is there to be found. */
  attempt(epoch: number, end: Error | MultiResult[], found = false): Promise<MultiResult[]> {
    const ask = (what: string) => this.asked.push(`${what} in ${epoch}`);
    const zookeeper = {
      sync: async () => '/line',
      getChildren: async () => {
        ask('look');
        return { children: found ? [created.path.slice('/line/'.length)] : [] };
      },
      exists: async () => created.stat,
      multi: async () => {
        ask('commit');
        if (end instanceof Error) throw end;
        return end;
      },
    } as unknown as ZooKeeper;
    const attempt: Attempt = { zookeeper, epoch, signal: undefined };
    return this.run.attempt(attempt);
  }
}

describe('a protected transaction', () => {
  it.each([
    ['not sent', notSent()],
    ['throttled', throttled()],
  ])('that was %s in one session is of the next', async (_, failure) => {
    const scene = new Scene();
    await expect(scene.attempt(1, failure)).rejects.toThrow();
    await expect(scene.attempt(2, unknown())).rejects.toThrow();
    expect(await scene.attempt(2, unknown(), true)).toEqual([created]);
    expect(scene.asked).toEqual(['commit in 1', 'commit in 2', 'look in 2']);
  });

  it('is given up in the session of its last attempt', async () => {
    const scene = new Scene();
    await expect(scene.attempt(1, throttled())).rejects.toThrow();
    scene.run.abandon();
    expect(scene.abandoned).toEqual([]);
    await expect(scene.attempt(2, unknown())).rejects.toThrow();
    scene.run.abandon();
    expect(scene.abandoned).toEqual([2]);
  });

  it('that may have been done in a session is not done in the next', async () => {
    const scene = new Scene();
    await expect(scene.attempt(1, unknown())).rejects.toThrow();
    await expect(scene.attempt(2, [created])).rejects.toThrow();
    expect(scene.asked).toEqual(['commit in 1']);
  });

  it('of what outlives a session is looked for in the next', async () => {
    const scene = new Scene('PERSISTENT_SEQUENTIAL');
    await expect(scene.attempt(1, unknown())).rejects.toThrow();
    expect(await scene.attempt(2, unknown(), true)).toEqual([created]);
    scene.run.abandon();
    expect(scene.abandoned).toEqual([undefined]);
  });

  describe('of which another create is not to be found when it turns out to be done', () => {
    /** What comes of it after a lost reply, if all that is there is the first create. */
    async function resultsWith(protection: boolean): Promise<MultiResult[]> {
      const operations = ['/line/lock-', '/other/lock-'].map((path): MultiOp => {
        return { type: 'create', path, data: null, options: { mode: 'PERSISTENT_SEQUENTIAL' } };
      });
      const steps = operations.map((operation, index) => ({ operation, protection: index === 0 || protection }));
      const run = new TransactionRun({ namespace: { root: '' } } as unknown as Execution, steps, false, () => uuid);
      const zookeeper = {
        sync: async (path: string) => path,
        getChildren: async (path: string) => ({ children: path === '/line' ? [created.path.slice(6)] : [] }),
        exists: async (path: string) => (path === created.path ? created.stat : null),
        multi: () => Promise.reject(unknown()),
      } as unknown as ZooKeeper;
      const attempt: Attempt = { zookeeper, epoch: 1, signal: undefined };
      await run.attempt(attempt).catch(() => {});
      return await run.attempt(attempt);
    }

    it('fails if that was protected: somebody has removed it', async () => {
      await expect(resultsWith(true)).rejects.toBeInstanceOf(NoNodeError);
    });

    it('tells no stat of it if it was not: under which number it stands nobody knows', async () => {
      expect(await resultsWith(false)).toEqual([created, { type: 'create', path: '/other/lock-', stat: null }]);
    });
  });
});
