import { orAborted } from '../or-aborted.js';

/** What is needed of a client of the package `pg`. */
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

/** What is needed of a `Pool` of the package `pg`; `C` is the class of its clients. */
export interface PostgresPool<C extends PostgresClient> {
  readonly connect: { (): Promise<C>; (callback: never): void };
  readonly options?: { readonly max?: number };
}

/**
 * Lends a client. When the signal aborts it is taken away at once, with its connection, so that whatever runs on it fails, and nothing more
 * can be sent on it. When the work fails, what it has begun is rolled back.
 *
 * @throws what the work throws; the signal's reason
 */
export async function withClient<C extends PostgresClient, R>(
  pool: PostgresPool<C>,
  signal: AbortSignal,
  work: (client: C) => Promise<R>,
): Promise<R> {
  signal.throwIfAborted();
  const connecting = pool.connect();
  const client = await orAborted(connecting, signal).catch((error: unknown) => {
    // One that comes too late goes back; that none came is known.
    connecting.then(
      (late) => late.release(),
      () => {},
    );
    throw error;
  });
  // Node would end the process if nobody listened. Queries fail by it, and the pool does not take such a client back.
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
    // One that is thrown away may still fail.
    if (isClean) client.off('error', onError);
    client.release(!isClean);
  }
}

/** @returns whether it has; where not, PostgreSQL will, since the connection ends */
async function rollBack(client: PostgresClient, signal: AbortSignal): Promise<boolean> {
  try {
    await orAborted(client.query('ROLLBACK'), signal);
    return true;
  } catch {
    return false;
  }
}
