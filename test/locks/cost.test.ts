import type { Hold, Keeper } from '@zk-recipes/core';
import { Mutex, ReadWriteLock } from '@zk-recipes/locks';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { afterAll, describe, expect, it } from 'vitest';
import { untilEmpty, untilNames } from '../stage/lines.js';
import {
  directoriesOf,
  type LockContestantKind,
  lockContestant,
  lockKinds,
  lockRival,
} from '../stage/lock-contestants.js';
import { type Cost, CostMeter, mean } from '../stage/lock-costs.js';
import { untilWatchCount } from '../stage/server-counters.js';
import { freshLine, ownServer, stage } from '../stage/stage.js';
import { requestsDuring, wire } from '../stage/wire.js';

/** Znodes that are held or stood in at the same time, and are watched each. */
const lines: Readonly<Record<LockContestantKind, number>> = {
  Mutex: 1,
  'rw.read': 1,
  'rw.write': 1,
  Semaphore: 1,
  MultiLock: 2,
};

/** What is asked besides, of a server that tells nothing of the znodes that a transaction creates (before 3.7.2, 3.8.0 and 3.8.1). */
const untold: Readonly<Record<LockContestantKind, number>> = {
  Mutex: 0,
  'rw.read': 0,
  'rw.write': 0,
  Semaphore: 1,
  MultiLock: 2,
};

/** Holds in the order of their grants: that of the line, in which sessions come as they like. */
class Grants {
  readonly #granted: Hold[] = [];
  #wake = (): void => {};

  follow(acquiring: Promise<Hold>): void {
    void acquiring.then((hold) => {
      this.#granted.push(hold);
      this.#wake();
    });
  }

  async next(): Promise<Hold> {
    for (;;) {
      const hold = this.#granted.shift();
      if (hold !== undefined) return hold;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

describeOnOwnServers('what locks cost a server', { timeout: 120_000 }, () => {
  // Sessions so long that no ping is among what is counted.
  const server = ownServer({ tickTimeMs: 3_000, systemProperties: { 'jute.maxbuffer': 4 * 1024 * 1024 } });
  const on = stage(() => server().connectString);
  const long = { sessionTimeoutMs: 60_000 };
  const meter = new CostMeter(() => on.server);
  type Table = Record<string, Record<string, string>>;
  const tables: { readonly alone: Table; readonly inLine: Table } = { alone: {}, inLine: {} };
  const show = ({ requests, notices }: Cost): string => `${requests} + ${notices}`;
  afterAll(() => {
    console.log('requests + notifications');
    console.table(tables.alone);
    console.table(tables.inLine);
  });

  describe.each(lockKinds)('%s', (kind) => {
    it('alone', async () => {
      const keeper = await on.keeper(long);
      const contestant = lockContestant(kind, keeper, freshLine());
      // From the second time on there are parents.
      await (await contestant.acquire()).release();
      let hold: Hold | undefined;
      const acquire = await meter.during(async () => {
        hold = await contestant.acquire();
      });
      const release = await meter.during(async () => await hold?.release());
      const brief = await meter.during(async () => await (await contestant.acquire()).release());
      tables.alone[kind] = { acquire: show(acquire), release: show(release), 'both in one turn': show(brief) };
      // Its own znode is watched, and so its end is told of.
      expect(release).toEqual({ requests: lines[kind], notices: lines[kind] });
      const joining = { Mutex: 2, 'rw.read': 2, 'rw.write': 2, Semaphore: 4, MultiLock: 3 }[kind];
      for (const cost of [acquire, brief]) {
        expect(cost.notices).toBe(0);
        expect([0, untold[kind]]).toContain(cost.requests - joining - lines[kind]);
      }
    });

    const counts = kind === 'Mutex' ? [1, 10, 100, 1_000] : [1, 10, 100];
    it.each(counts)('with %d who wait', async (count) => {
      const keepers = await Promise.all([0, 1, 2, 3].map(() => on.keeper(long)));
      const path = freshLine();
      const held = await lockRival(kind, keepers[3] as Keeper, path).acquire();
      const grants = new Grants();
      const joining = await meter.during(async () => {
        for (let index = 0; index < count; index++) {
          grants.follow(lockContestant(kind, keepers[index % 3] as Keeper, path).acquire());
        }
      });
      const handOvers: Cost[] = [];
      let holder = held;
      for (let round = 0; round < Math.min(5, count); round++) {
        handOvers.push(
          await meter.during(async () => {
            await holder.release();
            holder = await grants.next();
          }),
        );
      }
      const left = count - handOvers.length;
      const rest = await meter.during(async () => {
        await holder.release();
        for (let round = 0; round < left; round++) await (await grants.next()).release();
      });
      const each = mean(handOvers);
      tables.inLine[`${kind}, ${count} wait`] = {
        'to wait, each': show(mean([{ requests: joining.requests / count, notices: joining.notices / count }])),
        'first hand-over': show(handOvers[0] as Cost),
        'hand-over, mean': show(each),
        'the rest, each': show(mean([{ requests: rest.requests / (left + 1), notices: rest.notices / (left + 1) }])),
      };
      for (const directory of directoriesOf(kind, path)) await untilEmpty(keepers[0] as Keeper, directory);
      await untilWatchCount(on.server, 0);
      expect(joining.notices).toBe(0);
      expect(joining.requests).toBeLessThanOrEqual(5 * lines[kind] * count + 5);
      // All readers come in at once. Of others, who has let go hears of its own znode, and one more of its turn.
      if (kind === 'rw.read') expect(handOvers[0]?.notices).toBeLessThanOrEqual(1 + Math.min(3, count));
      else {
        const most = kind === 'Semaphore' ? 4 : 2 * lines[kind];
        for (const { notices } of handOvers) expect(notices).toBeLessThanOrEqual(most);
      }
      const requests = { Mutex: 4, 'rw.read': 2 * count + 2, 'rw.write': 5, Semaphore: 10, MultiLock: 10 }[kind];
      for (const cost of handOvers) expect(cost.requests).toBeLessThanOrEqual(requests);
    });
  });

  it.each(['Mutex', 'rw.read', 'rw.write', 'MultiLock'] as const)(
    '%s: alone it is had in one round trip',
    async (kind) => {
      const { keeper, proxy } = await on.proxied(long);
      const contestant = lockContestant(kind, keeper, freshLine());
      await (await contestant.acquire()).release();
      let hold: Hold | undefined;
      proxy.blackhole({ direction: 'to-client' });
      const sent = await requestsDuring(proxy, async () => {
        // All of it is under way before the first answer.
        const listed = proxy.untilRequest(wire.getChildren);
        const acquiring = contestant.acquire();
        await listed;
        proxy.heal();
        hold = await acquiring;
      });
      const { exists = 0, ...expected } = sent;
      expect([0, untold[kind]]).toContain(exists);
      expect(expected).toEqual(kind === 'MultiLock' ? { multi: 1, getChildren2: 2 } : { create2: 1, getChildren2: 1 });
      const released = await requestsDuring(proxy, async () => await hold?.release());
      expect(released['delete']).toBe(lines[kind]);
    },
  );

  it.each(['Mutex', 'rw.read'] as const)(
    '%s: who is next in line asks for nothing before it is granted',
    async (kind) => {
      const [first, { keeper, proxy }] = [await on.keeper(long), await on.proxied(long)];
      const path = freshLine();
      const held = await lockRival(kind, first, path).acquire();
      const waiting = lockContestant(kind, keeper, path).acquire();
      await untilWatchCount(on.server, 3);
      let hold: Hold | undefined;
      const asked = await requestsDuring(proxy, async () => {
        void held.release();
        hold = await waiting;
      });
      expect(asked).toEqual({});
      await hold?.release();
    },
  );

  it('who stands k-th asks for nothing while others come and go', async () => {
    const [first, { keeper, proxy }] = [await on.keeper(long), await on.proxied(long)];
    const path = freshLine();
    const lock = new ReadWriteLock(first, path);
    const ahead: { leave: () => Promise<void> }[] = [];
    for (let index = 0; index < 20; index++) {
      const controller = new AbortController();
      const acquired = lock.write.acquire({ signal: controller.signal });
      acquired.catch(() => {});
      await untilNames(first, path, index + 1);
      const leave = async (): Promise<void> => {
        controller.abort(new Error('leaves'));
        await acquired.then((hold) => hold.release()).catch(() => {});
      };
      ahead.push({ leave });
    }
    const waiting = new ReadWriteLock(keeper, path).write.acquire();
    await untilNames(first, path, 21);
    await untilWatchCount(on.server, 20);
    const asked = await requestsDuring(proxy, async () => {
      for (const { leave } of ahead.slice(0, 19)) await leave();
      const behind = new AbortController();
      const late = lock.write.acquire({ signal: behind.signal });
      await untilNames(first, path, 3);
      behind.abort('enough');
      await late.catch(() => {});
      await untilNames(first, path, 2);
    });
    expect(asked).toEqual({});
    await ahead[19]?.leave();
    await (await waiting).release();
    await new Mutex(first, path).run(() => {});
  });
});
