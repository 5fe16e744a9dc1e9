import { randomUUID } from 'node:crypto';
import { findPostgres, type PostgresServer, startPostgres, until } from '@zk-recipes/test-support';
import type { ParticipantTransaction } from '@zk-recipes/two-phase-commit';
import { PreparedTransactionError, postgresHandlers } from '@zk-recipes/two-phase-commit/postgres';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const found = await findPostgres();
if (typeof found === 'string') console.log(`PostgreSQL: skipped, for ${found}`);

function transaction(participant = 'ledger', signal = new AbortController().signal): ParticipantTransaction<null> {
  return { id: randomUUID(), payload: null, participant, participants: [participant], signal };
}

const insert = async (client: pg.PoolClient): Promise<void> => {
  await client.query('INSERT INTO done VALUES (1)');
};

describe.skipIf(typeof found === 'string')('postgresHandlers', { timeout: 20_000 }, () => {
  let postgres: PostgresServer;
  let pool: pg.Pool;

  beforeAll(async () => {
    postgres = await startPostgres({ settings: { max_prepared_transactions: '5' } });
    pool = new pg.Pool({ connectionString: postgres.connectionString });
    pool.on('error', () => {});
  });

  beforeEach(async () => {
    await pool.query('CREATE TABLE IF NOT EXISTS done (one int); TRUNCATE done');
  });

  afterAll(async () => {
    await pool?.end();
    await postgres?.[Symbol.asyncDispose]();
  });

  const handlers = (work = insert) => postgresHandlers<null, pg.PoolClient>({ pool, work });
  const count = async (from: string) => Number((await pool.query(`SELECT count(*) FROM ${from}`)).rows[0].count);
  const prepared = () => count('pg_prepared_xacts');

  it('makes its table, also when two begin at once', async () => {
    await pool.query('DROP TABLE IF EXISTS zk_recipes_two_phase_commit');
    const all = [transaction(), transaction(), transaction()];
    await Promise.all(all.map((one) => handlers().prepare(one)));
    expect(await prepared()).toBe(3);
    await Promise.all(all.map((one) => handlers().commit(one)));
    expect([await prepared(), await count('done')]).toEqual([0, 3]);
  });

  it('does each step once, however often it is asked for', async () => {
    const [one, other] = [transaction(), transaction()];
    const { prepare, commit, abort } = bound(handlers());
    expect([await prepare(one), await prepare(one)]).toEqual(['commit', 'commit']);
    await commit(one);
    await commit(one);
    await prepare(other);
    await abort(other);
    await abort(other);
    expect([await prepared(), await count('done')]).toEqual([0, 1]);
  });

  it('refuses to prepare what is decided', async () => {
    const [committed, aborted] = [transaction(), transaction()];
    const { prepare, commit, abort } = bound(handlers());
    await prepare(committed);
    await commit(committed);
    await abort(aborted);
    for (const one of [committed, aborted]) {
      await expect(prepare(one)).rejects.toThrow(/is decided already/);
    }
    expect([await prepared(), await count('done'), pool.idleCount]).toEqual([0, 1, pool.totalCount]);
  });

  it('does not take for committed what is not there, nor abort what is committed', async () => {
    const { prepare, commit, abort } = bound(handlers());
    await expect(commit(transaction())).rejects.toThrow(/cannot be committed: it is neither prepared nor committed/);
    const aborted = transaction();
    await abort(aborted);
    await expect(commit(aborted)).rejects.toThrow(/cannot be committed: it is aborted/);
    const committed = transaction();
    await prepare(committed);
    await commit(committed);
    await expect(abort(committed)).rejects.toThrow(PreparedTransactionError);
    const byHand = transaction();
    await prepare(byHand);
    await pool.query(`ROLLBACK PREPARED 'zk-recipes:ledger:${byHand.id}'`);
    await expect(commit(byHand)).rejects.toThrow(/neither prepared nor committed/);
  });

  it('finds what was prepared after a crash of PostgreSQL', async () => {
    const [one, other] = [transaction(), transaction()];
    const { prepare, commit, abort } = bound(handlers());
    await prepare(one);
    await prepare(other);
    await postgres.kill();
    await postgres.start();
    expect(await prepare(one)).toBe('commit');
    expect(await prepared()).toBe(2);
    await commit(one);
    await abort(other);
    expect([await prepared(), await count('done')]).toEqual([0, 1]);
  });

  it.each(['prepare', 'abort'] as const)('ends who is still in the work, for a new %s', async (verb) => {
    const one = transaction();
    let isWorking = false;
    const stuck = handlers(async (client) => {
      isWorking = true;
      await client.query('SELECT pg_sleep(3600)');
    });
    const failed = expect(stuck.prepare(one)).rejects.toThrow(/terminat/);
    await until(() => (isWorking ? true : undefined), { what: 'the work' });
    await handlers()[verb](one);
    await failed;
    expect(await prepared()).toBe(verb === 'prepare' ? 1 : 0);
    if (verb === 'prepare') await handlers().abort(one);
    await expect(stuck.prepare(one)).rejects.toThrow(/is decided already/);
  });

  it('stops by its signal, wherever it is, and takes the client away from the work', async () => {
    const reason = new Error('over');
    const ending = new AbortController();
    let late: Promise<unknown> | null = null;
    const work = async (client: pg.PoolClient): Promise<void> => {
      ending.abort(reason);
      late = Promise.resolve()
        .then(() => new Promise((resolve) => setImmediate(resolve)))
        .then(() => client.query('SELECT 1'));
      await late;
    };
    const one = transaction('ledger', ending.signal);
    await expect(handlers(work).prepare(one)).rejects.toBe(reason);
    await expect(late).rejects.toThrow(/not queryable|terminated/);
    await expect(handlers().commit(one)).rejects.toBe(reason);
    await handlers().abort({ ...one, signal: new AbortController().signal });
    expect([await prepared(), pool.idleCount]).toEqual([0, pool.totalCount]);
  });

  it('gives back a client that comes after its signal', async () => {
    const small = new pg.Pool({ connectionString: postgres.connectionString, max: 2 });
    const [first, second] = [await small.connect(), await small.connect()];
    const ending = new AbortController();
    const running = postgresHandlers({ pool: small, work: insert }).prepare(transaction('ledger', ending.signal));
    ending.abort(new Error('over'));
    await expect(running).rejects.toThrow('over');
    first.release();
    second.release();
    await until(() => (small.idleCount === 2 ? true : undefined), { what: 'both clients to be back' });
    await small.end();
  });

  it('leaves a client of the pool for who finishes', async () => {
    const small = new pg.Pool({ connectionString: postgres.connectionString, max: 2 });
    const { prepare, commit } = bound(
      postgresHandlers<null, pg.PoolClient>({
        pool: small,
        work: async (client) => void (await client.query('LOCK done')),
      }),
    );
    const all = [transaction(), transaction(), transaction()];
    // Each of them waits for the table that the one before has locked.
    await Promise.all(
      all.map(async (one) => {
        await prepare(one);
        await commit(one);
      }),
    );
    expect(await prepared()).toBe(0);
    await small.end();
  });

  it('does not take it for prepared when PostgreSQL has rolled back, or the work has committed', async () => {
    const { prepare, abort } = bound(
      handlers(async (client) => {
        await client.query('SELECT 1/0').catch(() => {});
      }),
    );
    const one = transaction();
    await expect(prepare(one)).rejects.toThrow(/was not prepared/);
    await abort(one);
    const ended = handlers(async (client) => void (await client.query('ROLLBACK')));
    await expect(ended.prepare(transaction())).rejects.toThrow(/was not prepared/);
    expect([await prepared(), pool.idleCount]).toEqual([0, pool.totalCount]);
  });

  it('says that no more can be prepared', async () => {
    const all = Array.from({ length: 5 }, () => transaction());
    for (const one of all) await handlers().prepare(one);
    const last = transaction();
    await expect(handlers().prepare(last)).rejects.toThrow(/maximum number of prepared transactions/);
    await handlers().abort(last);
    for (const one of all) await handlers().abort(one);
  });

  it('quotes its own identifiers, and those of others', async () => {
    const odd = postgresHandlers<null, pg.PoolClient>({ pool, work: insert, gid: ({ id }) => `it's \\ ${id}` });
    const [one, other] = [transaction(), transaction(`naïve 'name' \\ ${'x'.repeat(300)}`)];
    await odd.prepare(one);
    await handlers().prepare(other);
    const { rows } = await pool.query('SELECT gid FROM pg_prepared_xacts ORDER BY prepared');
    expect(rows[0].gid).toBe(`it's \\ ${one.id}`);
    expect(rows[1].gid).toMatch(new RegExp(`^zk-recipes:[0-9a-f]{32}:${other.id}$`));
    await odd.commit(one);
    await handlers().abort(other);
    expect([await prepared(), await count('done')]).toEqual([0, 1]);
  });

  it('lists what is prepared for one participant, and ends it without its transaction', async () => {
    const [one, other, last] = [transaction(), transaction('naïve'), transaction('ledger.2')];
    for (const each of [one, other, last]) await handlers().prepare(each);
    const { signal } = new AbortController();
    const of = async (participant: string) => await handlers().prepared?.({ participant, signal });
    expect([await of('ledger'), await of('naïve'), await of('ledger.2')]).toEqual([[one.id], [other.id], [last.id]]);
    const settle = async (id: string, participant: string, decision: 'committed' | 'aborted') =>
      await handlers().settle?.({ id, participant, decision, signal });
    await settle(one.id, 'naïve', 'committed');
    expect(await of('ledger')).toEqual([one.id]);
    await settle(one.id, 'ledger', 'committed');
    await settle(one.id, 'ledger', 'committed');
    await settle(other.id, 'naïve', 'aborted');
    await settle(last.id, 'ledger.2', 'committed');
    expect([await prepared(), await count('done')]).toEqual([0, 2]);
    await expect(handlers().prepare(other)).rejects.toThrow(/is decided already/);
  });

  it('lists what is prepared under identifiers of its own by their inverse only', async () => {
    const gid = ({ id }: ParticipantTransaction<null>) => `own-${id}`;
    const blind = postgresHandlers<null, pg.PoolClient>({ pool, work: insert, gid });
    expect([blind.prepared, blind.settle]).toEqual([undefined, undefined]);
    const idOf = (name: string) => (name.startsWith('own-') ? name.slice(4) : null);
    const own = postgresHandlers<null, pg.PoolClient>({ pool, work: insert, gid, idOf });
    const one = transaction();
    await own.prepare(one);
    const call = { participant: 'ledger', signal: one.signal };
    expect(await own.prepared?.(call)).toEqual([one.id]);
    await own.settle?.({ ...call, id: one.id, decision: 'aborted' });
    expect([await prepared(), await count('done')]).toEqual([0, 0]);
  });

  it('names what is wrong with its options', () => {
    expect(() => postgresHandlers({ pool: {} as pg.Pool, work: insert })).toThrow(/`pool`.*Pool of the package pg/);
    expect(() => postgresHandlers({ pool, work: 1 as never })).toThrow(/`work`/);
    expect(() => postgresHandlers({ pool, work: insert, gid: 'x' as never })).toThrow(/`gid`/);
    expect(() => postgresHandlers({ pool: new pg.Pool({ max: 1 }), work: insert })).toThrow(/2 clients or more, got 1/);
    for (const [gid, problem] of [
      ['x'.repeat(200), /1 to 199 bytes, got 200/],
      ['', /got 0/],
      ['a\0', /zero bytes/],
      [7 as unknown as string, /return a string, got 7/],
    ] as const) {
      const { prepare } = bound(postgresHandlers({ pool, work: insert, gid: () => gid }));
      expect(() => prepare(transaction())).toThrow(problem);
    }
  });

  it('says what is wrong where PostgreSQL prepares nothing, and aborts there', async () => {
    await using other = await startPostgres();
    const otherPool = new pg.Pool({ connectionString: other.connectionString });
    const { prepare, abort } = bound(postgresHandlers<null, pg.PoolClient>({ pool: otherPool, work: insert }));
    const one = transaction();
    await expect(prepare(one)).rejects.toThrow(/max_prepared_transactions is 0/);
    await abort(one);
    await otherPool.end();
  });
});

function bound(handlers: ReturnType<typeof postgresHandlers<null, pg.PoolClient>>) {
  return {
    prepare: (one: ParticipantTransaction<null>) => handlers.prepare(one),
    commit: (one: ParticipantTransaction<null>) => handlers.commit(one),
    abort: (one: ParticipantTransaction<null>) => handlers.abort(one),
  };
}
