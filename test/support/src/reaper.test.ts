import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const script = new URL('../reaper-process.mjs', import.meta.url).pathname;

it('ends and removes what is left when its input closes, and spares what it was told to forget', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'zk-recipes-reaper-'));
  const [left, forgotten] = [sleeper(), sleeper()];
  left.kill('SIGSTOP');
  const reaper = spawn(process.execPath, [script], { stdio: ['pipe', 'ignore', 'inherit'] });
  const orders = [
    { action: 'watch', kind: 'folder', id: folder },
    { action: 'watch', kind: 'process', id: left.pid },
    { action: 'watch', kind: 'process', id: forgotten.pid },
    { action: 'forget', kind: 'process', id: forgotten.pid },
  ];
  const [ended, reaped] = [once(left, 'exit'), once(reaper, 'exit')];
  reaper.stdin.end(orders.map((order) => `${JSON.stringify(order)}\n`).join(''));
  expect(await ended).toEqual([null, 'SIGKILL']);
  await reaped;
  expect(existsSync(folder)).toBe(false);
  expect(forgotten.exitCode ?? forgotten.signalCode).toBeNull();
  forgotten.kill();
});

/** A process that would run for a minute. */
function sleeper() {
  return spawn(process.execPath, ['--eval', 'setTimeout(() => {}, 60_000)'], { stdio: 'ignore' });
}
