/**
 * Measures this project's two-phase commit and the bare requests that it cannot do without, on real servers in one run, and prints what it
 * found. It judges nothing.
 *
 *   node two-phase-commit/run.mjs [--warmups N] [--runs N] [--transactions N] [--at-once N] [--disk FOLDER]
 */
import { fileURLToPath } from 'node:url';
import { conditions, optionsOf, takeTurns, withServers } from '../turns.mjs';
import { report } from './report.mjs';

const options = optionsOf({ warmups: 5, runs: 10, transactions: 100, 'at-once': 32 });
const child = fileURLToPath(new URL('child.mjs', import.meta.url));

await withServers(options.disk, async (servers) => {
  const places = {};
  for (const [storage, { connectString }] of Object.entries(servers)) {
    for (const participants of [2, 5]) {
      for (const atOnce of [1, options['at-once']]) {
        const commandOf = (subject) => {
          const path = `/${subject}-${participants}-${atOnce}`;
          const numbers = [options.transactions, participants, atOnce].map(String);
          return [process.execPath, child, subject, connectString, path, ...numbers];
        };
        const commands = { 'zk-recipes': commandOf('twoPhaseCommit'), 'bare requests': commandOf('bareRequests') };
        places[`${storage}, ${participants}, ${atOnce}`] = { storage, participants, atOnce, commands };
      }
    }
  }
  const commands = Object.entries(places).map(([name, place]) => [name, place.commands]);
  const { load, results } = await takeTurns(Object.fromEntries(commands), options);
  console.log(await conditions(servers, load, `${options.transactions} transactions`, options));
  console.log(`\n${report(Object.entries(places).map(([name, place]) => ({ ...place, runs: results[name] })))}`);
});
