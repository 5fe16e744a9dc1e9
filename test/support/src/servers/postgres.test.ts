import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from './postgres.js';
import { findPostgres } from './postgres-tools.js';

const found = await findPostgres();
if (typeof found === 'string') console.log(`PostgreSQL: skipped, for ${found}`);

/** Whether somebody listens: asks, as every client may, for TLS, and is told no. */
function answers(folder: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(join(folder, '.s.PGSQL.5432'));
    socket.once('error', () => resolve(false));
    socket.once('data', (reply) => {
      resolve(reply.toString() === 'N');
      socket.destroy();
    });
    socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]));
  });
}

describe.skipIf(typeof found === 'string')('startPostgres', { timeout: 60_000 }, () => {
  let server: PostgresServer | undefined;
  afterEach(() => server?.[Symbol.asyncDispose]());

  it('starts a server that can be stopped, killed and started again, and leaves nothing', async () => {
    server = await startPostgres({ settings: { max_prepared_transactions: '2' } });
    const folder = new URL(server.connectionString).searchParams.get('host') as string;
    expect(await answers(folder)).toBe(true);
    await server.stop();
    expect(await answers(folder)).toBe(false);
    await server.start();
    await server.kill();
    await server.start();
    expect(await answers(folder)).toBe(true);
    await server[Symbol.asyncDispose]();
    expect(existsSync(folder)).toBe(false);
    await server.stop();
  });

  it('says what is wrong with its settings', async () => {
    await expect(startPostgres({ settings: { max_connections: 'many' } })).rejects.toThrow(/max_connections/);
  });
});
