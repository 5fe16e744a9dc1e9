import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What the reaper ends or removes: a process, container or network by its id, a folder by its path. */
type Watched = { kind: 'process'; id: number } | { kind: 'container' | 'network' | 'folder'; id: string };

let reaper: ChildProcess | undefined;

/**
 * Has something cleaned up even if this process never comes to it: a failed test, Ctrl-C, SIGKILL. A small process of
 * its own reads the list from a pipe, and acts when the pipe closes, as it does however this process ends. No signal
 * handler is needed, and a test runner's own are not disturbed.
 *
 * @returns tells the reaper that the thing is gone, to be called after it was ended or removed in the ordinary way
 */
export function reapLater(watched: Watched): () => void {
  tell({ action: 'watch', ...watched });
  return () => tell({ action: 'forget', ...watched });
}

function tell(message: Watched & { action: 'watch' | 'forget' }): void {
  reaper ??= startReaper();
  reaper.stdin?.write(`${JSON.stringify(message)}\n`);
}

function startReaper(): ChildProcess {
  const script = fileURLToPath(new URL('../reaper-process.mjs', import.meta.url));
  // Detached: Ctrl-C goes to the whole process group of a terminal, and must not reach the reaper.
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'ignore', 'inherit'], detached: true });
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  return child;
}
