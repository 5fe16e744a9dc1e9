/**
 * Measures this project's mutex, Apache Curator's, the bare create and delete, and a lock by hand on real servers in one run, and prints what
 * it found. It reports and judges nothing: the exit code is 0 whatever the ratios are.
 *
 *   node locks/run.mjs [--processes N] [--warmups N] [--runs N] [--rounds N] [--contenders N] [--disk FOLDER]
 */
import { fileURLToPath } from 'node:url';
import { findJavaTools } from '../../test/support/dist/index.js';
import { conditions, optionsOf, takeTurns, withServers } from '../turns.mjs';
import { report } from './report.mjs';

const options = optionsOf({ processes: 3, warmups: 8, runs: 10, rounds: 500, contenders: 8 });
const tools = await findJavaTools();
if (typeof tools === 'string') throw new Error(`Curator cannot run: ${tools}`);
const script = (name) => fileURLToPath(new URL(name, import.meta.url));
const subjects = {
  'zk-recipes': [process.execPath, script('child.mjs'), 'mutex'],
  Curator: [tools.java, '-cp', tools.classPath, script('CuratorLocks.java')],
  'create + delete': [process.execPath, script('child.mjs'), 'bareZnodes'],
  'raw socket': [process.execPath, script('child.mjs'), 'rawLock'],
};

await withServers(options.disk, async (servers) => {
  const told = ({ connectString }) => [connectString, '/lock', String(options.rounds), String(options.contenders)];
  const commandsFor = (server) =>
    Object.fromEntries(Object.entries(subjects).map(([name, command]) => [name, [...command, ...told(server)]]));
  const places = Object.entries(servers).map(([storage, server]) => [storage, commandsFor(server)]);
  const { load, results } = await takeTurns(Object.fromEntries(places), options);
  console.log(await conditions(servers, load, `${options.rounds} rounds`, options));
  console.log(`\n${report(results, options.contenders)}`);
});
