/** Accounts in PostgreSQL, and what has been booked on them: one row a transfer, though nothing but the participant sees to it. */

/** The tables. */
export const createTables = `
  CREATE TABLE IF NOT EXISTS account (name text PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0));
  CREATE TABLE IF NOT EXISTS booking (transfer int NOT NULL, amount bigint NOT NULL)`;

/**
 * Books a participant's part of a transfer.
 *
 * @param {import('pg').ClientBase} client
 * @param {{ transfer: number, bookings: Record<string, { account: string, amount: number }> }} payload by participant
 * @param {string} participant
 */
export async function book(client, { transfer, bookings }, participant) {
  const { account, amount } = bookings[participant];
  await client.query('INSERT INTO booking VALUES ($1, $2)', [transfer, amount]);
  const { rowCount } = await client.query('UPDATE account SET balance = balance + $2 WHERE name = $1', [
    account,
    amount,
  ]);
  if (rowCount !== 1) throw new Error(`no account ${account}`);
}
