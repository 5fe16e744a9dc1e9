/**
 * The reaper: a process of its own that outlives the tests by a moment. It reads, a line each, what to watch over and
 * what to forget, as JSON; when its input ends, because the process that started it ended in whatever way, it kills the
 * processes, removes the containers and networks, and deletes the folders that are left.
 */
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

/** @type {Map<string, { kind: 'process' | 'container' | 'network' | 'folder', id: number | string }>} */
const watched = new Map();

for await (const line of createInterface({ input: process.stdin })) {
  const { action, kind, id } = JSON.parse(line);
  if (action === 'watch') watched.set(`${kind} ${id}`, { kind, id });
  else watched.delete(`${kind} ${id}`);
}

const left = [...watched.values()].reverse();
for (const { kind, id } of left) if (kind === 'process') kill(id);
await removeFromDocker(left);
for (const { kind, id } of left) if (kind === 'folder') rmSync(id, { recursive: true, force: true, maxRetries: 5 });

/** SIGKILL ends a process that is paused, too. */
function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** Last come, first removed: a network goes after the containers in it. */
async function removeFromDocker(things) {
  const found = things.filter(({ kind }) => kind === 'container' || kind === 'network');
  if (found.length === 0) return;
  const { getContainerRuntimeClient } = await import('testcontainers');
  const { dockerode } = (await getContainerRuntimeClient()).container;
  for (const { kind, id } of found) {
    const thing = kind === 'network' ? dockerode.getNetwork(id) : dockerode.getContainer(id);
    await thing.remove({ force: true, v: true }).catch(() => {});
  }
}
