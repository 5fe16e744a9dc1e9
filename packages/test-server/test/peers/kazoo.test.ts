import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startStandalone } from '@zk-recipes/test-support';
import { canStartServers } from '@zk-recipes/test-support/vitest';
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

/** What a script says of a server. */
async function said(script: string, connectString: string): Promise<unknown> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { stdout } = await run(python as string, [path, connectString]);
  return JSON.parse(stdout);
}

describe.skipIf(python === null)('kazoo', () => {
  it('uses client, watches, lock, transaction and credentials', async () => {
    const server = await TestServer.start();
    try {
      expect(await said('recipes.py', server.connectString)).toEqual({
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

  it.for([
    ['the test server', true, () => TestServer.start()],
    ['the test server as 3.8', true, () => TestServer.start({ compat: '3.8' })],
    ['a real ZooKeeper', canStartServers(), () => startStandalone()],
  ] as const)(
    'creates a znode for its creator only, with CREATOR_ALL_ACL: %s',
    async ([, isThere, start], { skip }) => {
      if (!isThere) skip();
      const server = await start();
      try {
        expect(await said('creator_acl.py', server.connectString)).toEqual({
          'without credentials': 'InvalidACLError',
          created: '/kazoo-creator',
          acl: [[31, 'digest', 'ann']],
          stranger: 'NoAuthError',
          transaction: ['/kazoo-creator/child', true, true],
        });
      } finally {
        await server[Symbol.asyncDispose]();
      }
    },
  );
});
