/**
 * One client in a process of its own, so that none inherits the heap or the compiled code of another. Warms up, measures
 * every operation at every window, and sends the result to its parent.
 *
 *   node --expose-gc child.mjs CLIENT CONNECT_STRING FOLDER OPS
 */
import { DATA_BYTES, OPERATIONS, opsAtWindow, pathsBelow, WINDOWS } from './workload.mjs';

const [name, connectString, folder, opsText] = process.argv.slice(2);
const ops = Number(opsText);
const { connect } = await import(`./clients/${name}.mjs`);
const client = await connect(connectString, Buffer.alloc(DATA_BYTES, 'x'));

/** Garbage of what came before is not this measurement's; what it makes itself, it pays for. */
async function measure(operation, paths, window) {
  const run = client.prepare(operation, paths, window);
  globalThis.gc();
  const startedAt = process.hrtime.bigint();
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  const wallUs = Number(process.hrtime.bigint() - startedAt) / 1000;
  return { cpuUs: (user + system) / paths.length, wallUs: wallUs / paths.length };
}

async function measureAll(window, count) {
  const paths = pathsBelow(`${folder}`, count);
  const measured = {};
  for (const operation of OPERATIONS) measured[operation] = await measure(operation, paths, window);
  return measured;
}

const result = {};
for (const window of WINDOWS) {
  const count = opsAtWindow(window, ops);
  await measureAll(window, Math.ceil(count / 2));
  result[window] = await measureAll(window, count);
}
await client.close();
process.send(result, () => process.exit(0));
