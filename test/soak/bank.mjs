import pg from 'pg';
import { createTables } from '../two-phase-commit/ledger.mjs';

/** Accounts of each database, and what is on each to begin with. */
const ACCOUNTS = 20;
const BALANCE = 1_000;

/** Two databases with accounts: what must be true of both together. */
export class Bank {
  #pools;

  /** @param {Record<string, string>} urls connection string of each database, by participant */
  constructor(urls) {
    this.#pools = Object.entries(urls).map(([name, connectionString]) => {
      const pool = new pg.Pool({ connectionString });
      // One that is idle when the server goes; the next one is another one.
      pool.on('error', () => {});
      return { name, pool };
    });
  }

  async open() {
    const rows = Array.from({ length: ACCOUNTS }, (_, index) => `('account-${index}', ${BALANCE})`).join();
    for (const { pool } of this.#pools) {
      await pool.query(createTables);
      await pool.query(`INSERT INTO account VALUES ${rows}`);
    }
  }

  /** What is booked by a transfer at random; one of twenty is of more than there is. */
  transfer(transfer) {
    const amount = Math.random() < 0.05 ? ACCOUNTS * BALANCE + 1 : 1 + Math.floor(Math.random() * 20);
    const sign = Math.random() < 0.5 ? 1 : -1;
    const [one, other] = this.#pools.map(({ name }, index) => {
      const account = `account-${Math.floor(Math.random() * ACCOUNTS)}`;
      return [name, { account, amount: index === 0 ? sign * amount : -sign * amount }];
    });
    return { transfer, bookings: Object.fromEntries([one, other]) };
  }

  async prepared() {
    const counts = this.#pools.map(({ pool }) => pool.query('SELECT gid FROM pg_prepared_xacts'));
    return (await Promise.all(counts)).flatMap(({ rows }) => rows.map(({ gid }) => gid));
  }

  /**
   * What is wrong with the books, in words.
   *
   * @param {Map<number, 'committed' | 'aborted' | 'unknown'>} outcomes of all transfers
   */
  async audit(outcomes) {
    const books = await Promise.all(this.#pools.map(({ pool }) => booksOf(pool)));
    const wrong = [];
    const sum = books.reduce((total, { balance }) => total + balance, 0);
    const expected = books.length * ACCOUNTS * BALANCE;
    if (sum !== expected) wrong.push(`the balances are ${sum} together instead of ${expected}`);
    const allowed = { committed: ['1,1'], aborted: ['0,0'], unknown: ['0,0', '1,1'] };
    for (const [transfer, outcome] of outcomes) {
      const booked = String(books.map(({ bookings }) => bookings.get(transfer) ?? 0));
      if (!allowed[outcome].includes(booked)) wrong.push(`transfer ${transfer}, ${outcome}, is booked ${booked} times`);
    }
    const booked = [...outcomes.keys()].filter((transfer) => books[0].bookings.has(transfer)).length;
    return { wrong, booked };
  }

  async close() {
    await Promise.all(this.#pools.map(({ pool }) => pool.end()));
  }
}

async function booksOf(pool) {
  const balances = await pool.query('SELECT sum(balance)::int AS balance FROM account');
  const bookings = await pool.query('SELECT transfer, count(*)::int AS times FROM booking GROUP BY transfer');
  return {
    balance: balances.rows[0].balance,
    bookings: new Map(bookings.rows.map((row) => [row.transfer, row.times])),
  };
}
