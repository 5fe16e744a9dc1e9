/**
 * What both commands of a fresh clone begin with: installing and compiling. Plain JavaScript without dependencies, for
 * at this point there is nothing but Node and npm. As a program it does both: `node test/setup.mjs`.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Runs a command in the root, its output being that of this process.
 *
 * @param {string} command
 * @param {string[]} args
 * @returns {boolean} whether it succeeded
 */
export function run(command, args) {
  // NODE_ENV=production would leave out what the tests need; CI lets pnpm replace a foreign node_modules unasked.
  const { NODE_ENV: _, ...env } = { ...process.env, CI: 'true' };
  if (!process.stdout.isTTY) env.NO_COLOR ??= '1';
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
  if (error) console.error(`${command}: ${error.message}`);
  return status === 0;
}

/** Runs a JavaScript program of node_modules with this Node. */
export function runNode(script, args) {
  return run(process.execPath, [`node_modules/${script}`, ...args]);
}

/** Installs the dependencies exactly as pnpm-lock.yaml has them. */
export function install() {
  return run('npx', ['--yes', 'pnpm@12', 'install', '--frozen-lockfile', '--prefer-offline']);
}

/** Checks the types of everything, and compiles the packages. */
export function compile() {
  return runNode('typescript/bin/tsc', ['-b']);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = install() && compile() ? 0 : 1;
}
