/** `npm run test:node -- 22`: runs the tests with another version of Node, which the npm package `node` brings. */
import { install, run } from './setup.mjs';

const [version, ...args] = process.argv.slice(2);
if (!/^\d+(\.\d+)*$/.test(version ?? '')) {
  console.error('Expected a version of Node, as in: npm run test:node -- 22');
  process.exit(2);
}
const node = ['--yes', `--package=node@${version}`, '--', 'node'];
const succeeded =
  install() &&
  run('npx', [...node, '--version']) &&
  run('npx', [...node, 'node_modules/vitest/vitest.mjs', 'run', ...args]);
process.exitCode = succeeded ? 0 : 1;
