/**
 * Measures this project's Queue and Apache Curator's DistributedQueue on real servers in one run, and prints what
 * it found. It reports and judges nothing: the exit code is 0 whatever the ratios are.
 *
 *   node queues/run.mjs [--processes N] [--warmups N] [--runs N] [--items N] [--consumers N] [--disk FOLDER]
 */
import { fileURLToPath } from 'node:url';
import { findJavaTools } from '../../test/support/dist/index.js';
import { conditions, optionsOf, takeTurns, withServers } from '../turns.mjs';
import { report } from './report.mjs';

const options = optionsOf({ processes: 2, warmups: 8, runs: 10, items: 500, consumers: 4 });
const tools = await findJavaTools();
if (typeof tools === 'string') throw new Error(`Curator cannot run: ${tools}`);
const script = (name) => fileURLToPath(new URL(name, import.meta.url));

await withServers(options.disk, async (servers) => {
  const commandsFor = ({ connectString }) => {
    const told = (path) => [connectString, path, String(options.items), String(options.consumers)];
    return {
      'zk-recipes': [process.execPath, script('child.mjs'), ...told('/queue-ours')],
      Curator: [tools.java, '-cp', tools.classPath, script('CuratorQueues.java'), ...told('/queue-theirs')],
    };
  };
  const places = Object.entries(servers).map(([storage, server]) => [storage, commandsFor(server)]);
  const { load, results } = await takeTurns(Object.fromEntries(places), options);
  console.log(await conditions(servers, load, `${options.items} items of 100 bytes`, options));
  console.log(`\n${report(results, options.consumers)}`);
});
