import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The compiled server: the same file, whether this one is compiled or a source. */
const program = fileURLToPath(new URL('../../dist/test-server/main.js', import.meta.url));

/** A test server that runs. Disposing of it ends it. */
export interface TestServerProcess extends AsyncDisposable {
  readonly connectString: string;
}

/**
 * Starts the test server in a process of its own: there its ticks do not wait for what the demo is busy with, as those of a
 * real server would not.
 *
 * @throws Error when it ends before it serves
 */
export async function startTestServer({ tickTimeMs }: { readonly tickTimeMs: number }): Promise<TestServerProcess> {
  // Flags of this process, such as those of a test runner, are not for the compiled program.
  const child = fork(program, [`${tickTimeMs}`], { execArgv: [] });
  const exited = once(child, 'exit');
  const failed = exited.then(([code]) => {
    throw new Error(`The test server ended (${code}) before it served`);
  });
  const [connectString] = (await Promise.race([once(child, 'message'), failed])) as [string];
  const end = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  return { connectString, [Symbol.asyncDispose]: end };
}
