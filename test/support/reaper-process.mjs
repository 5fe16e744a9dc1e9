/**
 * The reaper: a process of its own that outlives the tests by a moment. It reads, a line each, what to watch over and
 * what to forget, as JSON; when its input ends, because the process that started it ended in whatever way, it kills the
 * processes, removes the containers and deletes the folders that are left.
 */
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

/** @type {Map<string, { kind: 'process' | 'container' | 'folder', id: number | string }>} */
const watched = new Map();

for await (const line of createInterface({ input: process.stdin })) {
  const { action, kind, id } = JSON.parse(line);
  if (action === 'watch') watched.set(`${kind} ${id}`, { kind, id });
  else watched.delete(`${kind} ${id}`);
}

const left = [...watched.values()];
for (const { kind, id } of left) if (kind === 'process') kill(id);
await removeContainers(left.filter(({ kind }) => kind === 'container').map(({ id }) => id));
for (const { kind, id } of left) if (kind === 'folder') rmSync(id, { recursive: true, force: true, maxRetries: 5 });

/** SIGKILL ends a process that is paused, too. */
function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

async function removeContainers(ids) {
  if (ids.length === 0) return;
  const { getContainerRuntimeClient } = await import('testcontainers');
  const { dockerode } = (await getContainerRuntimeClient()).container;
  for (const id of ids) {
    const thing = id.startsWith('network:') ? dockerode.getNetwork(id.slice(8)) : dockerode.getContainer(id);
    await thing.remove({ force: true, v: true }).catch(() => {});
  }
}
