import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Keeper } from '@zk-recipes/core';
import { findPostgres, PeerProcess, type PostgresServer, startPostgres } from '@zk-recipes/test-support';
import { describeOnSharedServer, freshPath, sharedServer } from '@zk-recipes/test-support/vitest';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Accounts, createTable, FencedOffError, readBalance, writeBalance } from '../src/accounts.js';

const example = fileURLToPath(new URL('..', import.meta.url));
const compiler = fileURLToPath(new URL('../../../node_modules/typescript/bin/tsc', import.meta.url));

const found = await findPostgres();
if (typeof found === 'string') console.log(`PostgreSQL: skipped, for ${found}`);

it('shows in the README what it runs', () => {
  const plain = (text: string) => text.replaceAll(/\s+/g, ' ').trim();
  const readme = plain(readFileSync(new URL('../README.md', import.meta.url), 'utf8'));
  for (const statement of [createTable, readBalance, writeBalance]) expect(readme).toContain(plain(statement));
});

describe.skipIf(typeof found === 'string')('accounts in PostgreSQL', () => {
  let postgres: PostgresServer;
  let pool: pg.Pool;
  let accounts: Accounts;

  beforeAll(async () => {
    // The processes run what is compiled.
    await promisify(execFile)(process.execPath, [compiler, '-b', example]);
    postgres = await startPostgres();
    pool = new pg.Pool({ connectionString: postgres.connectionString });
    accounts = new Accounts(pool);
    await accounts.prepare();
  });

  afterAll(async () => {
    await pool?.end();
    await postgres?.[Symbol.asyncDispose]();
  });

  const row = async (name: string) => {
    const { rows } = await pool.query('SELECT balance, last_token FROM account WHERE name = $1', [name]);
    return { balance: BigInt(rows[0].balance), lastToken: BigInt(rows[0].last_token) };
  };

  it('take what a holder writes, as often as it likes, and refuse who held before', async () => {
    await accounts.open('carol', 100n);
    await accounts.write('carol', 2n ** 62n, 90n);
    await accounts.write('carol', 2n ** 62n, 80n);
    await expect(accounts.write('carol', 2n ** 62n - 1n, 0n)).rejects.toThrow(FencedOffError);
    await expect(accounts.read('carol', 2n ** 62n - 1n)).rejects.toThrow(FencedOffError);
    expect(await row('carol')).toEqual({ balance: 80n, lastToken: 2n ** 62n });
  });

  it('refuse who held before as soon as the next holder has read', async () => {
    await accounts.open('dave', 100n);
    expect(await accounts.read('dave', 7n)).toBe(100n);
    expect(await accounts.read('dave', 9n)).toBe(100n);
    await expect(accounts.write('dave', 7n, 90n)).rejects.toThrow(FencedOffError);
    await accounts.write('dave', 9n, 50n);
    expect(await row('dave')).toEqual({ balance: 50n, lastToken: 9n });
  });

  describeOnSharedServer('with tellers that hold a lock', { timeout: 60_000 }, () => {
    let keeper: Keeper;
    let namespace: string;
    const peers: PeerProcess[] = [];

    beforeEach(async () => {
      namespace = freshPath('bank').slice(1);
      keeper = await Keeper.connect({ connectString: sharedServer().connectString, namespace });
    });

    afterEach(async () => {
      for (const peer of peers.splice(0)) await peer.kill();
      await keeper.usingNamespace('').delete().deletingChildren().quietly().forPath(`/${namespace}`);
      await keeper.close();
    });

    async function startTeller(id: string, account: string): Promise<PeerProcess> {
      const settings = {
        ZOOKEEPER_CONNECT: sharedServer().connectString,
        SERVICE_NAMESPACE: namespace,
        SESSION_TIMEOUT_MS: 2_000,
        DATABASE_URL: postgres.connectionString,
        TELLER: id,
        ACCOUNT: account,
        WORK_MS: 300,
      };
      const assignments = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
      const program = fileURLToPath(new URL('../dist/teller/main.js', import.meta.url));
      const peer = await PeerProcess.run('env', [...assignments, process.execPath, program]);
      peers.push(peer);
      return peer;
    }

    it('lets two of them take turns', async () => {
      const tellers = await Promise.all([startTeller('one', 'alice'), startTeller('other', 'alice')]);
      await Promise.all(tellers.map((teller) => teller.receive({ event: 'written' })));
      expect(await Promise.all(tellers.map(({ exited }) => exited))).toEqual([0, 0]);
      expect((await row('alice')).balance).toBe(80n);
    });

    it('refuses the late write of one that was paused beyond its session; that of the next stands', async () => {
      const paused = await startTeller('paused', 'bob');
      const { token } = await paused.receive({ event: 'read', balance: '100' });
      paused.pause();

      const next = await startTeller('next', 'bob');
      const written = await next.receive({ event: 'written', balance: '90' });
      const after = await row('bob');
      expect(after).toEqual({ balance: 90n, lastToken: BigInt(written['token'] as string) });
      expect(after.lastToken).toBeGreaterThan(BigInt(token as string));

      paused.resume();
      await paused.receive({ event: 'refused' });
      await paused.receive({ event: 'lost' });
      expect(await paused.exited).toBe(0);
      expect(await row('bob')).toEqual(after);
    });
  });
});
