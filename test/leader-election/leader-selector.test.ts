import { hostname } from 'node:os';
import { ClosedError, type Keeper } from '@zk-recipes/core';
import {
  AlreadyStartedError,
  LeaderSelector,
  type LeaderSelectorOptions,
  NotStartedError,
  type TakeLeadership,
  type Tenure,
} from '@zk-recipes/leader-election';
import { until } from '@zk-recipes/test-support';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { untilAborted } from '../stage/holds.js';
import { isSettled, namesIn, untilEmpty, untilNames } from '../stage/lines.js';
import { freshLine, stage } from '../stage/stage.js';

describeOnSharedServer('LeaderSelector', () => {
  const on = stage();

  /** A selector that notes its tenures, each of which lasts until its signal aborts, or as the test says. */
  function selecting(keeper: Keeper, options: LeaderSelectorOptions & { path?: string; lead?: TakeLeadership } = {}) {
    const { path = freshLine(), lead = async ({ signal }) => void (await untilAborted(signal)), ...rest } = options;
    const tenures: Tenure[] = [];
    const take: TakeLeadership = (tenure) => {
      tenures.push(tenure);
      return lead(tenure);
    };
    const selector = new LeaderSelector(keeper, path, take, rest);
    on.afterwards(() => selector.close());
    const untilTenures = (count: number) =>
      until(() => tenures[count - 1], { what: `tenure ${count}`, timeoutMs: 10_000, everyMs: 2 });
    return { selector, tenures, path, untilTenures };
  }

  it('runs its function while it leads, and leaves when that has ended', async () => {
    const keeper = await on.keeper();
    const { selector, path, untilTenures, tenures } = selecting(keeper, { id: 'me' });
    expect(selector).toMatchObject({ state: 'latent', isLeader: false, id: 'me', path });
    selector.start();
    const tenure = await untilTenures(1);
    expect(selector).toMatchObject({ state: 'started', isLeader: true });
    expect(tenure).toMatchObject({ id: 'me', state: 'held' });
    const [name] = await namesIn(keeper, path);
    expect(name).toMatch(/^_c_[0-9a-f-]{36}-lock-0000000000$/);
    expect((await keeper.getData().forPath(`${path}/${name}`))?.toString()).toBe('me');
    expect(await selector.leader()).toMatchObject({ id: 'me', isLeader: true, sessionId: keeper.sessionId });
    selector.interruptLeadership();
    expect(tenure.signal.reason).toMatchObject({ reason: 'interrupted' });
    await untilEmpty(keeper, path);
    expect(selector.isLeader).toBe(false);
    expect(tenures).toHaveLength(1);
    expect(await selector.leader()).toBeNull();
  });

  it('writes the default data where it has no id, as Curator does', async () => {
    const keeper = await on.keeper({ defaultData: '10.1.2.3' });
    const { selector, untilTenures } = selecting(keeper);
    selector.start();
    const { path } = await untilTenures(1);
    const id = `${hostname()}:${process.pid}`;
    expect((await keeper.getData().forPath(path))?.toString()).toBe(id);
    expect(selector.id).toBe(id);
    expect((await selector.participants()).map(({ id }) => id)).toEqual([id]);
  });

  it('checks what it is given, and names it', async () => {
    const keeper = await on.keeper();
    const make =
      (...args: readonly unknown[]) =>
      () =>
        new LeaderSelector(...(args as [Keeper, string, TakeLeadership]));
    expect(make({}, '/x', () => {})).toThrow(/`keeper`/);
    expect(make(keeper, 'x', () => {})).toThrow(/'\/'/);
    expect(make(keeper, '/x')).toThrow(/`takeLeadership`/);
    expect(make(keeper, '/x', () => {}, { autoRequeue: 1 })).toThrow(/autoRequeue/);
  });

  it('starts once, and is asked for nothing before or after', async () => {
    const { selector } = selecting(await on.keeper());
    expect(() => selector.requeue()).toThrow(NotStartedError);
    selector.interruptLeadership();
    selector.start();
    expect(() => selector.start()).toThrow(AlreadyStartedError);
    await selector.close();
    expect(() => selector.start()).toThrow(ClosedError);
    expect(() => selector.requeue()).toThrow(ClosedError);
  });

  it('keeps its znode until an interrupted function has ended', async () => {
    const keeper = await on.keeper();
    let finish = (): void => {};
    const first = selecting(keeper, { lead: () => new Promise<void>((resolve) => (finish = resolve)) });
    const second = selecting(await on.keeper(), { path: first.path });
    first.selector.start();
    await first.untilTenures(1);
    second.selector.start();
    await untilNames(keeper, first.path, 2);
    first.selector.interruptLeadership();
    await keeper.sync().forPath(first.path);
    expect(await namesIn(keeper, first.path)).toHaveLength(2);
    expect(second.tenures).toEqual([]);
    finish();
    await second.untilTenures(1);
  });

  it('is elected again after a double interrupt, when it requeues by itself', async () => {
    const { selector, untilTenures, tenures } = selecting(await on.keeper(), { autoRequeue: true });
    selector.start();
    for (let round = 1; round <= 20; round++) {
      const tenure = await untilTenures(round);
      selector.interruptLeadership();
      selector.interruptLeadership();
      expect(tenure.signal.aborted).toBe(true);
    }
    await untilTenures(21);
    expect(tenures.slice(0, 20).every(({ state }) => state === 'released')).toBe(true);
  });

  it.each(['throws', 'rejects'])('is elected again when its function %s, and says what it threw', async (how) => {
    const lead: TakeLeadership = () => {
      if (how === 'throws') throw new Error('of the function');
      return Promise.reject(new Error('of the function'));
    };
    const { selector, untilTenures } = selecting(await on.keeper(), { autoRequeue: true, lead });
    selector.start();
    await untilTenures(5);
    await selector.close();
    expect(on.errors.length).toBeGreaterThanOrEqual(5);
    for (const { error } of on.errors) expect(error).toMatchObject({ message: 'of the function' });
  });

  it('does not complain when its function stops by throwing the reason of the signal', async () => {
    const { selector, untilTenures } = selecting(await on.keeper(), {
      lead: async ({ signal }) => {
        throw await untilAborted(signal);
      },
    });
    selector.start();
    await untilTenures(1);
    await selector.close();
    expect(on.errors).toEqual([]);
  });

  it('leaves the place of one that waits as it is when it is interrupted', async () => {
    const keeper = await on.keeper();
    const first = selecting(keeper);
    const second = selecting(keeper, { path: first.path });
    first.selector.start();
    await first.untilTenures(1);
    second.selector.start();
    const names = await untilNames(keeper, first.path, 2);
    second.selector.interruptLeadership();
    expect((await namesIn(keeper, first.path)).toSorted()).toEqual(names.toSorted());
    await first.selector.close();
    const tenure = await second.untilTenures(1);
    expect(tenure.state).toBe('held');
  });

  it('gives up before its function runs when it is interrupted as soon as it starts', async () => {
    const keeper = await on.keeper();
    const { selector, untilTenures, tenures } = selecting(keeper);
    selector.start();
    selector.interruptLeadership();
    expect((await untilTenures(1)).state).toBe('held');
    expect(tenures).toHaveLength(1);
  });

  it('requeues: not while it waits, once while it leads, at once when it has ended', async () => {
    const keeper = await on.keeper();
    const { selector, untilTenures, tenures, path } = selecting(keeper);
    selector.start();
    expect(selector.requeue()).toBe(false);
    const tenure = await untilTenures(1);
    expect(selector.requeue()).toBe(true);
    expect(selector.requeue()).toBe(false);
    selector.interruptLeadership();
    await untilAborted(tenure.signal);
    await untilTenures(2);
    selector.interruptLeadership();
    await untilEmpty(keeper, path);
    await until(() => (selector.requeue() ? true : undefined), { what: 'the round to be over' });
    await untilTenures(3);
    await selector.close();
    expect(tenures).toHaveLength(3);
  });

  it('does not lose a requeue that comes when its function has just ended', async () => {
    const keeper = await on.keeper();
    for (let turns = 0; turns < 12; turns++) {
      const requeued: boolean[] = [];
      const { selector, untilTenures } = selecting(keeper, {
        lead: () => {
          if (requeued.length > 0) return;
          const later = async (left: number): Promise<void> => {
            if (left > 0) return void setImmediate(later, left - 1);
            requeued.push(selector.requeue());
          };
          // From before the end of the function to well after the end of the round.
          void Promise.resolve().then(() => later(turns));
        },
      });
      selector.start();
      await untilTenures(2);
      expect(requeued).toContain(true);
      await selector.close();
    }
  });

  it('closes while it leads: the function ends first, then the znode goes, then close resolves', async () => {
    const keeper = await on.keeper();
    let finish = (): void => {};
    const { selector, untilTenures, path } = selecting(keeper, {
      autoRequeue: true,
      lead: () => new Promise<void>((resolve) => (finish = resolve)),
    });
    selector.start();
    const tenure = await untilTenures(1);
    const closed = Promise.all([selector.close(), selector.close()]);
    expect(tenure.signal.reason).toMatchObject({ reason: 'interrupted' });
    await keeper.sync().forPath(path);
    expect(await isSettled(closed)).toBe(false);
    expect(await namesIn(keeper, path)).toHaveLength(1);
    finish();
    await closed;
    expect(await namesIn(keeper, path)).toEqual([]);
    expect(selector.state).toBe('closed');
  });

  it('takes turns with others', async () => {
    const path = freshLine();
    const keepers = [await on.keeper(), await on.keeper(), await on.keeper()];
    const order: string[] = [];
    let leading = 0;
    const selectors = keepers.map((keeper, index) =>
      selecting(keeper, {
        path,
        id: `${index}`,
        autoRequeue: true,
        lead: async ({ id }) => {
          expect(++leading).toBe(1);
          order.push(id);
          await keeper.sync().forPath('/');
          leading -= 1;
        },
      }),
    );
    for (const { selector } of selectors) selector.start();
    await until(() => (order.length >= 60 ? true : undefined), { what: '60 tenures' });
    await Promise.all(selectors.map(({ selector }) => selector.close()));
    // First come, first served: whoever has led goes to the end of the line.
    const settled = order.slice(6, 60);
    expect(settled.slice(3)).toEqual(settled.slice(0, -3));
    expect(on.errors).toEqual([]);
  });
});
