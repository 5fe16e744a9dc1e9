import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findPostgres, PeerProcess, type PostgresServer, startPostgres, until } from '@zk-recipes/test-support';
import { describeOnSharedServer, freshPath } from '@zk-recipes/test-support/vitest';
import { Coordinator, type Outcome, Participant, type ParticipantHandlers } from '@zk-recipes/two-phase-commit';
import { postgresHandlers } from '@zk-recipes/two-phase-commit/postgres';
import { InMemoryResource } from '@zk-recipes/two-phase-commit/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { expire, stage } from '../stage/stage.js';
import { book, createTables, type TransferPayload } from './ledger.mjs';
import { untilSettled } from './settled.js';

const found = await findPostgres();
if (typeof found === 'string') console.log(`PostgreSQL: skipped, for ${found}`);

const SESSION_MS = 1_000;
const root = fileURLToPath(new URL('../..', import.meta.url));

/** A transfer of which the participant `ledger` books 5; others have no part that can be seen. */
const payload: TransferPayload = { transfer: 1, bookings: { ledger: { account: 'alice', amount: 5 } } };

describe.skipIf(typeof found === 'string')('with a ledger in PostgreSQL', () => {
  let postgres: PostgresServer;
  let pool: pg.Pool;

  beforeAll(async () => {
    // The processes run what is compiled.
    const compile = ['node_modules/typescript/bin/tsc', '-b', 'packages/two-phase-commit'];
    await promisify(execFile)(process.execPath, compile, { cwd: root });
    postgres = await startPostgres({ settings: { max_prepared_transactions: '20' } });
    pool = new pg.Pool({ connectionString: postgres.connectionString });
    pool.on('error', () => {});
  });

  beforeEach(async () => {
    await pool.query(`${createTables}; TRUNCATE account, booking; INSERT INTO account VALUES ('alice', 100)`);
  });

  afterAll(async () => {
    await pool?.end();
    await postgres?.[Symbol.asyncDispose]();
  });

  describeOnSharedServer('a participant', { timeout: 60_000 }, () => {
    const scene = stage();
    const peers: PeerProcess[] = [];
    afterEach(async () => {
      await Promise.all(peers.splice(0).map((peer) => peer.kill()));
    });

    const ledger = () =>
      postgresHandlers({
        pool,
        work: (client, { payload, participant }: { payload: TransferPayload; participant: string }) =>
          book(client, payload, participant),
      });

    async function coordinator(path: string): Promise<Coordinator<TransferPayload>> {
      const made = new Coordinator<TransferPayload>(await scene.keeper(), path);
      scene.afterwards(() => made.close());
      return made;
    }

    async function participant(
      path: string,
      name: string,
      handlers: ParticipantHandlers<TransferPayload>,
      keeper = scene.keeper(),
    ): Promise<Participant<TransferPayload>> {
      const made = new Participant<TransferPayload>(await keeper, path, name, handlers);
      await made.start();
      scene.afterwards(() => made.close());
      return made;
    }

    async function ledgerProcess(path: string, ...stopAt: string[]): Promise<PeerProcess> {
      const script = fileURLToPath(new URL('ledger-process.mjs', import.meta.url));
      const args = [scene.server, path, 'ledger', `${SESSION_MS}`, postgres.connectionString, ...stopAt];
      const peer = await PeerProcess.run(process.execPath, [script, ...args]);
      peers.push(peer);
      await peer.receive({ event: 'ready' });
      return peer;
    }

    /** Balance, bookings and prepared transactions. */
    async function books(): Promise<{ balance: number; bookings: number; prepared: number }> {
      const { rows } = await pool.query(
        `SELECT (SELECT balance FROM account)::int AS balance, (SELECT count(*) FROM booking)::int AS bookings,
                (SELECT count(*) FROM pg_prepared_xacts)::int AS prepared`,
      );
      return rows[0];
    }

    const done = { balance: 105, bookings: 1, prepared: 0 };
    const undone = { balance: 100, bookings: 0, prepared: 0 };

    it('commits what it has prepared', async () => {
      const path = freshPath('tx');
      await participant(path, 'ledger', ledger());
      const outcome = await (await coordinator(path)).run({ payload, participants: ['ledger'] });
      expect(outcome.decision).toBe('committed');
      await untilSettled(await scene.keeper(), path);
      expect(await books()).toEqual(done);
      expect(scene.errors).toEqual([]);
    });

    it('aborts with the message of the error, and keeps no connection', async () => {
      const path = freshPath('tx');
      await participant(path, 'ledger', ledger());
      const one = await coordinator(path);
      const tooMuch = { transfer: 2, bookings: { ledger: { account: 'alice', amount: -500 } } };
      const outcome = await one.run({ payload: tooMuch, participants: ['ledger'] });
      expect(outcome.reason).toMatch(/^ledger voted abort: new row for relation "account" violates check constraint/);
      await untilSettled(await scene.keeper(), path);
      expect(await books()).toEqual(undone);
      expect(pool.idleCount).toBe(pool.totalCount);
    });

    it('rolls back what it has prepared when another one votes abort', async () => {
      const path = freshPath('tx');
      await participant(path, 'ledger', ledger());
      await participant(
        path,
        'stock',
        new InMemoryResource<TransferPayload>(() => untilPrepared().then(() => 'abort' as const)),
      );
      const outcome = await (await coordinator(path)).run({ payload, participants: ['ledger', 'stock'] });
      expect(outcome.decision).toBe('aborted');
      await untilSettled(await scene.keeper(), path);
      expect(await books()).toEqual(undone);
    });

    const untilPrepared = () =>
      until(async () => ((await books()).prepared === 1 ? true : undefined), { what: 'it to be prepared' });

    it.each([
      ['committed', done],
      ['aborted', undone],
    ] as const)('tells of what is prepared when its znodes are deleted, and is %s by hand', async (decision, end) => {
      const path = freshPath('tx');
      const hand = await scene.keeper();
      const first = await participant(path, 'ledger', ledger());
      const running = (await coordinator(path)).run({ payload, participants: ['ledger', 'stock'] });
      const failed = expect(running).rejects.toThrow();
      await untilPrepared();
      const [id] = (await hand.getChildren().forPath(`${path}/transactions`)) as [string];
      await first.close();
      await hand.delete().deletingChildren().forPath(`${path}/transactions`);
      await failed;
      const second = await participant(path, 'ledger', ledger());
      await until(() => scene.errors.find((error) => error.path === `${path}/transactions/${id}`), {
        what: 'the report',
      });
      expect(await second.orphans()).toEqual([id]);
      const call = { decision, operator: 'ada', reason: 'as stock has done' };
      await second.settleOrphan(id, call);
      await second.settleOrphan(id, call);
      expect(await second.orphans()).toEqual([]);
      expect(await books()).toEqual(end);
    });

    it('aborts by rule what is prepared when its znodes are deleted, also while it waits for the decision', async () => {
      const path = freshPath('tx');
      const hand = await scene.keeper();
      const member = new Participant<TransferPayload>(await scene.keeper(), path, 'ledger', ledger(), {
        orphans: 'abort',
      });
      scene.afterwards(() => member.close());
      await member.start();
      const running = (await coordinator(path)).run({ payload, participants: ['ledger', 'stock'] });
      const failed = expect(running).rejects.toThrow();
      await untilPrepared();
      await hand.delete().deletingChildren().forPath(`${path}/transactions`);
      await failed;
      await until(async () => ((await books()).prepared === 0 ? true : undefined), { what: 'the abort' });
      expect(await books()).toEqual(undone);
    });

    it('does many on one row, though each waits for the one before', async () => {
      const path = freshPath('tx');
      await participant(path, 'ledger', ledger());
      const one = await coordinator(path);
      const transfers = Array.from({ length: 30 }, (_, transfer) => ({ ...payload, transfer }));
      const outcomes = await Promise.all(
        transfers.map((each) => one.run({ payload: each, participants: ['ledger'], timeoutMs: 20_000 })),
      );
      expect(outcomes.map(({ decision }) => decision)).toEqual(Array(30).fill('committed'));
      await untilSettled(await scene.keeper(), path);
      expect(await books()).toEqual({ balance: 250, bookings: 30, prepared: 0 });
    });

    describe.each(['before PREPARE', 'after PREPARE', 'before COMMIT PREPARED', 'after COMMIT PREPARED'])(
      'killed %s',
      (moment) => {
        const [when, ...statement] = moment.split(' ') as ['before' | 'after', ...string[]];

        /** Begins a transaction, and resolves when the ledger's process has come to its moment. */
        async function begun(path: string) {
          const peer = await ledgerProcess(path, statement.join(' '));
          const one = await coordinator(path);
          const running = one.run({ payload, participants: ['ledger'], timeoutMs: 20_000 });
          await peer.receive({ event: 'before' });
          if (when === 'after') {
            peer.send({ event: 'go' });
            await peer.receive({ event: 'after' });
          }
          return { peer, one, running };
        }

        it('has the next process commit it once', async () => {
          const path = freshPath('tx');
          const { peer, running } = await begun(path);
          await peer.kill();
          await ledgerProcess(path);
          expect((await running).decision).toBe('committed');
          await untilSettled(await scene.keeper(), path);
          expect(await books()).toEqual(done);
        });

        it('has a process that stands by commit it once, though the first goes on after a pause', async () => {
          const path = freshPath('tx');
          const { peer, running } = await begun(path);
          peer.pause();
          await participant(path, 'ledger', ledger());
          expect((await running).decision).toBe('committed');
          await untilSettled(await scene.keeper(), path);
          expect(await books()).toEqual(done);
          peer.resume();
          peer.send({ event: 'go' });
          if (when === 'before') peer.send({ event: 'go' });
          // It stands in the line again when it has heard of its end, and is asked nothing any more.
          await until(async () => ((await placesIn(path)) === 2 ? true : undefined), { what: 'the first to be back' });
          expect(await books()).toEqual(done);
        });
      },
    );

    async function placesIn(path: string): Promise<number> {
      return (await (await scene.keeper()).getChildren().forPath(`${path}/participants/ledger/line`)).length;
    }

    it.each(['before', 'after'] as const)(
      'paused %s PREPARE until it was aborted, leaves nothing prepared when it goes on',
      async (when) => {
        const path = freshPath('tx');
        const peer = await ledgerProcess(path, 'PREPARE TRANSACTION');
        const one = await coordinator(path);
        const running = one.run({ payload, participants: ['ledger'], timeoutMs: 1_000 });
        await peer.receive({ event: 'before' });
        if (when === 'after') {
          peer.send({ event: 'go' });
          await peer.receive({ event: 'after' });
        }
        peer.pause();
        expect((await running).reason).toMatch(/not all had voted/);
        await participant(path, 'ledger', ledger());
        await untilSettled(await scene.keeper(), path);
        expect(await books()).toEqual(undone);
        peer.resume();
        peer.send({ event: 'go' });
        await until(async () => ((await placesIn(path)) === 2 ? true : undefined), { what: 'the first to be back' });
        expect(await books()).toEqual(undone);
      },
    );

    it('killed after its vote, has the next process learn what was decided', async () => {
      const path = freshPath('tx');
      const peer = await ledgerProcess(path);
      let decide = (_: 'commit' | 'abort'): void => {};
      const waiting = new InMemoryResource<TransferPayload>(
        () =>
          new Promise((resolve) => {
            decide = resolve;
          }),
      );
      await participant(path, 'stock', waiting);
      const one = await coordinator(path);
      for (const vote of ['commit', 'abort'] as const) {
        const before = await books();
        const running: Promise<Outcome> = one.run({ payload, participants: ['ledger', 'stock'] });
        await until(async () => ((await one.pending())[0]?.votes['ledger'] ? true : undefined), { what: 'the vote' });
        await (peers[peers.length - 1] ?? peer).kill();
        decide(vote);
        expect((await running).decision).toBe(vote === 'commit' ? 'committed' : 'aborted');
        expect(await books()).toEqual({ ...before, prepared: 1 });
        await ledgerProcess(path);
        await untilSettled(await scene.keeper(), path);
        expect(await books()).toEqual(done);
      }
    });

    it('whose session is lost in its work, is rolled back at once, and the next one does it', async () => {
      const path = freshPath('tx');
      const keeper = await scene.keeper();
      const signals: AbortSignal[] = [];
      let hasEnded = false;
      const stuck = postgresHandlers({
        pool,
        work: async (client, { signal }: { signal: AbortSignal }) => {
          signals.push(signal);
          await client.query('SELECT pg_sleep(3600)').finally(() => {
            hasEnded = true;
          });
        },
      });
      await participant(path, 'ledger', stuck, Promise.resolve(keeper));
      await participant(path, 'ledger', ledger());
      const running = (await coordinator(path)).run({ payload, participants: ['ledger'] });
      await until(() => signals[0], { what: 'the work' });
      await expire(keeper, scene.server);
      expect((await running).decision).toBe('committed');
      await untilSettled(await scene.keeper(), path);
      expect(await books()).toEqual(done);
      // The next one ends the work of the first in PostgreSQL, which may be before the first hears that its session is over.
      await until(() => (hasEnded || signals[0]?.aborted ? true : undefined), { what: 'the first work to end' });
    });

    it('commits after a crash of PostgreSQL, in which it tries again', async () => {
      const path = freshPath('tx');
      const stock = new InMemoryResource<TransferPayload>(async () => {
        await untilPrepared();
        await postgres.kill();
        return 'commit' as const;
      });
      await participant(path, 'ledger', ledger());
      await participant(path, 'stock', stock);
      const outcome = await (await coordinator(path)).run({ payload, participants: ['ledger', 'stock'] });
      expect(outcome.decision).toBe('committed');
      await until(() => (scene.errors.length > 0 ? true : undefined), { what: 'a failure' });
      await postgres.start();
      await untilSettled(await scene.keeper(), path);
      expect(await books()).toEqual(done);
    });
  });
});
