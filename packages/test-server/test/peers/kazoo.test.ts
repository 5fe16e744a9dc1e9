import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { TestServer } from '../../src/index.js';

const run = promisify(execFile);
/** Debian's packages are for the system's Python, whatever else is on the search path. */
const python = await findPython();
if (python === null) console.log('kazoo: skipped, for no Python has it');

async function findPython(): Promise<string | null> {
  for (const command of ['/usr/bin/python3', 'python3']) {
    if (await run(command, ['-c', 'import kazoo']).catch(() => null)) return command;
  }
  return null;
}

describe.skipIf(python === null)('kazoo', () => {
  it('uses client, watches, lock, transaction and credentials', async () => {
    const server = await TestServer.start();
    try {
      const script = fileURLToPath(new URL('recipes.py', import.meta.url));
      const { stdout } = await run(python as string, [script, server.connectString]);
      expect(JSON.parse(stdout)).toEqual({
        version: [3, 9],
        data: 'data',
        errors: ['NodeExistsError', 'NoNodeError', 'BadVersionError'],
        watched: true,
        order: ['first', 'second'],
        transaction: ['RolledBackError', 'NodeExistsError'],
        private: 'NoAuthError',
      });
      expect(server.sessions).toEqual([]);
    } finally {
      await server[Symbol.asyncDispose]();
    }
  });
});
