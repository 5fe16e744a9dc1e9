/**
 * Handlers of a participant that use the prepared transactions of PostgreSQL.
 *
 * @packageDocumentation
 */

export { PreparedTransactionError } from './errors.js';
export type { PostgresClient, PostgresPool } from './postgres-client.js';
export { type PostgresOptions, postgresHandlers } from './postgres-handlers.js';
