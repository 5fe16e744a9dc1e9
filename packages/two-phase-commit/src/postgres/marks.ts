import type { PostgresClient } from './postgres-client.js';

/*
 * Table in the participant's database with one row for each transaction. The row contains the transaction's outcome, or the outcome that takes effect
 * when the SQL transaction commits in which the row was written. Its primary key prevents preparing a transaction after its abort, or a second time.
 *
 * A session that works on a transaction also has the transaction's advisory lock, until the end of the SQL transaction, including prepared ones. So
 * another session can find out without waiting whether a session works on the transaction, and which one.
 */

/** Outcome of a transaction. */
export type Mark = 'committed' | 'aborted';

const TABLE = 'zk_recipes_two_phase_commit';
const KEY = 'hashtextextended($1::text, 0)';

const look = `SELECT current_setting('max_prepared_transactions')::int AS most, to_regclass('${TABLE}') IS NOT NULL AS found`;

const create = `
  CREATE TABLE IF NOT EXISTS ${TABLE} (
    gid   text        PRIMARY KEY,
    state text        NOT NULL,
    at    timestamptz NOT NULL DEFAULT now()
  )`;

/** Fails if there is a mark. */
const take = `
  WITH own AS (SELECT pg_try_advisory_xact_lock(${KEY}) AS is_own),
       mark AS (INSERT INTO ${TABLE} (gid, state) SELECT $1::text, 'committed' FROM own WHERE is_own)
  SELECT is_own FROM own`;

/** Returns an existing mark, and leaves it unchanged. */
const bury = `
  WITH own AS (SELECT pg_try_advisory_xact_lock(${KEY}) AS is_own),
       mark AS (
         INSERT INTO ${TABLE} AS there (gid, state) SELECT $1::text, 'aborted' FROM own WHERE is_own
         ON CONFLICT (gid) DO UPDATE SET state = there.state
         RETURNING state
       )
  SELECT is_own, (SELECT state FROM mark) AS state FROM own`;

const banish = `
  SELECT pg_terminate_backend(pid) FROM pg_locks
   WHERE locktype = 'advisory' AND objsubid = 1 AND pid <> pg_backend_pid()
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND ((classid::bigint << 32) | objid::bigint) = ${KEY}`;

const prepared = 'SELECT FROM pg_prepared_xacts WHERE gid = $1 AND database = current_database()';

const allPrepared = 'SELECT gid FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared';

/** PostgreSQL's code for a row that exists already. */
const UNIQUE_VIOLATION = '23505';

/** Creates the table if it is missing. @returns the number of transactions that can be prepared at once */
export async function setUp(client: PostgresClient): Promise<number> {
  const [{ most, found } = {}] = (await client.query(look)).rows;
  if (found !== true) {
    await client.query('BEGIN');
    // Two sessions that create a table at once disturb each other.
    await client.query(`SELECT pg_advisory_xact_lock(${KEY})`, [TABLE]);
    await client.query(create);
    await client.query('COMMIT');
  }
  return Number(most);
}

/**
 * Reserves a transaction within an SQL transaction, and writes the mark that takes effect with its commit.
 *
 * @returns `taken`; `busy` if a session works on the transaction or has prepared it; `marked` if the transaction has an outcome. After
 *   `marked`, the SQL transaction can only be rolled back
 */
export async function reserve(client: PostgresClient, gid: string): Promise<'taken' | 'busy' | 'marked'> {
  try {
    const { rows } = await client.query(take, [gid]);
    return rows[0]?.['is_own'] === true ? 'taken' : 'busy';
  } catch (error) {
    if (codeOf(error) === UNIQUE_VIOLATION) return 'marked';
    throw error;
  }
}

/**
 * Marks a transaction as aborted, unless it has a mark.
 *
 * @returns its mark; `null` if a session works on the transaction or has prepared it
 */
export async function markAborted(client: PostgresClient, gid: string): Promise<Mark | null> {
  const [row] = (await client.query(bury, [gid])).rows;
  return row?.['is_own'] === true ? (row['state'] as Mark) : null;
}

/** Returns the outcome of a transaction. */
export async function markOf(client: PostgresClient, gid: string): Promise<Mark | null> {
  const [row] = (await client.query(`SELECT state FROM ${TABLE} WHERE gid = $1`, [gid])).rows;
  return row === undefined ? null : (row['state'] as Mark);
}

/** Whether a transaction is prepared. */
export async function isPrepared(client: PostgresClient, gid: string): Promise<boolean> {
  return (await client.query(prepared, [gid])).rows.length > 0;
}

/** Returns the identifiers of all prepared transactions in the database, of any program, the oldest first. */
export async function listPrepared(client: PostgresClient): Promise<string[]> {
  return (await client.query(allPrepared)).rows.map(({ gid }) => String(gid));
}

/** Terminates the connections that work on a transaction. The termination may take a moment. */
export async function driveOut(client: PostgresClient, gid: string): Promise<void> {
  await client.query(banish, [gid]);
}

/** Returns PostgreSQL's code of an error; `undefined` for any other error. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error ? (error as { readonly code?: unknown }).code : undefined;
}
