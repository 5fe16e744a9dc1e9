/** The demo's ZooKeeper, unless it is to be a real one: the test server as a process, which ends when its parent does. */
import { TestServer } from '@zk-recipes/test-server';

process.once('disconnect', () => process.exit());
// Ctrl-C goes to every process of a terminal, and this one is needed as long as any of the others runs.
process.on('SIGINT', () => {});

const server = await TestServer.start({ tickTimeMs: Number(process.argv[2]) });
process.send?.(server.connectString);
