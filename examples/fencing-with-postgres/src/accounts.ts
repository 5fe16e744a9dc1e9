import type { Pool } from 'pg';

/** The table. `last_token` is the largest fencing token that has been seen in an account: a `czxid`, 64 bits with a sign, as `bigint` is. */
export const createTable = `
  CREATE TABLE IF NOT EXISTS account (
    name       text   PRIMARY KEY,
    balance    bigint NOT NULL,
    last_token bigint NOT NULL DEFAULT 0
  )`;

/** Reads, and from here on refuses whoever held the lock before: also if the present holder has written nothing yet. */
export const readBalance = `
  UPDATE account SET last_token = $2
   WHERE name = $1 AND last_token <= $2
  RETURNING balance`;

/** Writes, unless somebody has been here who got the lock later. */
export const writeBalance = `
  UPDATE account SET balance = $3, last_token = $2
   WHERE name = $1 AND last_token <= $2`;

/** An account was asked for by a holder of the lock that is one no more: a later one has been here. */
export class FencedOffError extends Error {
  override readonly name = 'FencedOffError';

  constructor(account: string, token: bigint) {
    super(`${account}: token ${token} is older than the last one seen here`);
  }
}

/** Accounts in PostgreSQL, which looks at the fencing token of whoever reads to write, or writes. */
export class Accounts {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Makes the table where it is missing. */
  async prepare(): Promise<void> {
    await this.#pool.query(createTable);
  }

  /** Opens an account, unless there is one of that name. */
  async open(name: string, balance: bigint): Promise<void> {
    await this.#pool.query('INSERT INTO account VALUES ($1, $2) ON CONFLICT DO NOTHING', [name, balance]);
  }

  /**
   * The balance, for somebody who is going to change it.
   *
   * @param token of the hold
   * @throws FencedOffError
   */
  async read(name: string, token: bigint): Promise<bigint> {
    const { rows } = await this.#pool.query<{ balance: string }>(readBalance, [name, token]);
    if (rows[0] === undefined) throw new FencedOffError(name, token);
    return BigInt(rows[0].balance);
  }

  /**
   * Sets the balance.
   *
   * @param token of the hold
   * @throws FencedOffError
   */
  async write(name: string, token: bigint, balance: bigint): Promise<void> {
    const { rowCount } = await this.#pool.query(writeBalance, [name, token, balance]);
    if (rowCount === 0) throw new FencedOffError(name, token);
  }
}
