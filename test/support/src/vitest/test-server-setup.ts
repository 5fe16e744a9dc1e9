import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { startStandalone } from '../servers/start-servers.js';

/** Compiles the test server, which runs in processes of its own, and starts the one that the test files share. */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const root = fileURLToPath(new URL('../../../..', import.meta.url));
  await promisify(execFile)(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'packages/test-server'], {
    cwd: root,
  }).catch(({ stdout }) => {
    throw new Error(`The test server does not compile:\n${stdout}`);
  });
  const server = await startStandalone({ from: { kind: 'test-server' } });
  console.log(`Test server: on ${server.connectString}`);
  provide('servers', { shared: server.connectString, whyNoOwn: null });
  return () => server[Symbol.asyncDispose]();
}
