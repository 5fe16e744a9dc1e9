import { orAborted } from '../or-aborted.js';

/** Required part of a client of the package `pg`. */
export interface PostgresClient {
  query(
    text: string,
    values?: unknown[],
  ): Promise<{ readonly rows: readonly Record<string, unknown>[]; readonly command: string }>;
  escapeLiteral(text: string): string;
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
  release(destroy?: boolean): void;
}

/** Required part of a `Pool` of the package `pg`; `C` is the class of its clients. */
export interface PostgresPool<C extends PostgresClient> {
  readonly connect: { (): Promise<C>; (callback: never): void };
  readonly options?: { readonly max?: number };
}

/**
 * Runs work with a client of the pool. When the signal aborts, the client and its connection are closed at once, so that running queries
 * fail and nothing more can be sent. When the work fails, its SQL transaction is rolled back.
 *
 * @throws the error of the work; the signal's reason
 */
export async function withClient<C extends PostgresClient, R>(
  pool: PostgresPool<C>,
  signal: AbortSignal,
  work: (client: C) => Promise<R>,
): Promise<R> {
  signal.throwIfAborted();
  const connecting = pool.connect();
  const client = await orAborted(connecting, signal).catch((error: unknown) => {
    // A client that arrives too late is released; a failure to connect needs no handling any more.
    connecting.then(
      (late) => late.release(),
      () => {},
    );
    throw error;
  });
  // Without a listener Node would end the process. Queries report the error, and the pool does not take back such a client.
  const onError = (): void => {};
  client.on('error', onError);
  let isClean = false;
  try {
    const result = await orAborted(work(client), signal);
    isClean = true;
    return result;
  } catch (error) {
    isClean = !signal.aborted && (await rollBack(client, signal));
    throw error;
  } finally {
    // A destroyed client may still emit an error.
    if (isClean) client.off('error', onError);
    client.release(!isClean);
  }
}

/** @returns whether the rollback succeeded; otherwise PostgreSQL rolls back, since the connection ends */
async function rollBack(client: PostgresClient, signal: AbortSignal): Promise<boolean> {
  try {
    await orAborted(client.query('ROLLBACK'), signal);
    return true;
  } catch {
    return false;
  }
}
