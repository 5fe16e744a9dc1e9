/**
 * A test server in a process of its own: `node test-server-process.mjs <options as JSON>`. A test may hold up its own
 * event loop, and is paused with all that is in it: here the server's clock goes on.
 *
 * Starts at once. Hears `start` and `stop`, and says `started` and `stopped`: as `{ "event": … }`, one a line. Tree and
 * sessions last as long as the process, which ends with whoever started it.
 */
import { createInterface } from 'node:readline';
import { TestServer } from '@zk-recipes/test-server';

const say = (event) => process.stdout.write(`${JSON.stringify({ event })}\n`);

const server = await TestServer.start(JSON.parse(process.argv[2]));
say('started');

for await (const line of createInterface({ input: process.stdin })) {
  const { event } = JSON.parse(line);
  if (event === 'start') {
    await server.start();
    say('started');
  } else {
    await server.stop();
    say('stopped');
  }
}
process.exit();
