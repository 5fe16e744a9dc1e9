/**
 * A participant's handlers over the prepared transactions of PostgreSQL.
 *
 * @packageDocumentation
 */

export { PreparedTransactionError } from './errors.js';
export type { PostgresClient, PostgresPool } from './postgres-client.js';
export { type PostgresOptions, postgresHandlers } from './postgres-handlers.js';
