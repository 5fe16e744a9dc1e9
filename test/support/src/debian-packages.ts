import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.js';

/**
 * Installs packages with apt-get, if this is a Debian (or a child of it), the user is root, and `ZOOKEEPER_INSTALL` is
 * not `never`. Test files run in several processes: one installs at a time.
 *
 * @returns `undefined` when they are installed, else a sentence why not
 */
export async function installDebianPackages(packages: readonly string[]): Promise<string | undefined> {
  const names = packages.join(' ');
  if (process.env['ZOOKEEPER_INSTALL'] === 'never') return `ZOOKEEPER_INSTALL=never forbids to install ${names}`;
  if (!existsSync('/usr/bin/apt-get')) return `${names} cannot be installed: this is not a Debian`;
  if (process.getuid?.() !== 0) return `${names} cannot be installed: this user is not root`;
  return await oneAtATime(async () => {
    console.log(`Installing ${names} with apt-get …`);
    const failed =
      (await aptGet(['update'])) ??
      (await aptGet(['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', ...packages]));
    return failed === undefined ? undefined : `installing ${names} failed: ${failed}`;
  });
}

/** Runs apt-get; gives the last line of what it complained about, if it failed. */
function aptGet(args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn('apt-get', args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => {
      complaint = (complaint + chunk.toString('utf8')).slice(-2_000);
    });
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code) => resolve(code === 0 ? undefined : lastLine(complaint) || `exit code ${code}`));
  });
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

/** Holds a lock file during the work; one that an interrupted run left behind is ignored after ten minutes. */
async function oneAtATime<T>(work: () => Promise<T>): Promise<T> {
  const lock = join(tmpdir(), 'zk-recipes-apt-get.lock');
  const staleMs = 600_000;
  const file = await until(
    () => {
      if (existsSync(lock) && Date.now() - statSync(lock).mtimeMs > staleMs) rmSync(lock, { force: true });
      return openSync(lock, 'wx');
    },
    { what: 'another installation to end', timeoutMs: staleMs, everyMs: 200 },
  );
  try {
    return await work();
  } finally {
    closeSync(file);
    rmSync(lock, { force: true });
  }
}
