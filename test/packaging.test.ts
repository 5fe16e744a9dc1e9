import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { packageNames, root } from './source-tree.js';

const packages = packageNames();

/** What the packages offer for import, such as `zookeeper-ts-client/protocol`. */
const entries: string[] = [];

/** The packages as they would be published, and a project that has installed them from there. */
let folder: string;
let tarballs: string;
let project: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zk-recipes-packaging-'));
  [tarballs, project] = [join(folder, 'tarballs'), join(folder, 'project')];
  await Promise.all([mkdir(tarballs), mkdir(project)]);
  await node(root, 'node_modules/typescript/bin/tsc', '-b', ...packages.map((name) => `packages/${name}`));
  await run(root, 'npx', '--yes', 'pnpm@12', '--filter', './packages/*', 'pack', '--pack-destination', tarballs);
  for (const name of packages) entries.push(...(await entriesOf(join(root, 'packages', name))));
  await writeFile(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const files = (await readdir(tarballs)).map((file) => join(tarballs, file));
  await run(project, 'npm', 'install', '--no-audit', '--no-fund', ...files);
}, 300_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the packages, installed from their tarballs into an empty project', () => {
  it('import and are required, with the same names', async () => {
    const script = `
      import { createRequire } from 'node:module';
      const names = (module) => Object.keys(module).filter((name) => name !== 'module.exports').sort().join();
      for (const entry of ${JSON.stringify(entries)}) {
        const required = createRequire(import.meta.url)(entry);
        const imported = await import(entry);
        if (names(required) !== names(imported)) throw new Error(entry + ': ' + names(required) + ' against ' + names(imported));
      }`;
    await run(project, process.execPath, '--input-type=module', '--eval', script);
  });

  // What the READMEs ask for, and no more: the smallest `lib`, `@types/node`, each `moduleResolution`, the oldest compiler.
  it.each([
    ['typescript', ['program.ts', 'program.cts'], { module: 'nodenext' }],
    ['typescript', ['program.ts'], { module: 'esnext', moduleResolution: 'bundler' }],
    ['typescript-5.4', ['program.ts'], { module: 'node16' }],
  ])(
    'have types that a strict program accepts, library files included: %s, %j, %j',
    async (compiler, files, modules) => {
      for (const file of files) {
        const imports = entries.map((entry, index) =>
          file.endsWith('.cts')
            ? `import entry${index} = require('${entry}');\n`
            : `import * as entry${index} from '${entry}';\n`,
        );
        const values = entries.map((_, index) => `entry${index}`);
        await writeFile(join(project, file), `${imports.join('')}console.log(${values.join(', ')});\n`);
      }
      const compilerOptions = {
        strict: true,
        noEmit: true,
        skipLibCheck: false,
        exactOptionalPropertyTypes: true,
        ...modules,
        target: 'es2022',
        lib: ['es2022'],
        types: ['node'],
        typeRoots: [join(root, 'node_modules/@types')],
      };
      await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
      await node(root, `test/node_modules/${compiler}/bin/tsc`, '-p', project);
    },
  );

  it('say in their READMEs what TypeScript needs', async () => {
    for (const name of packages) {
      const text = await readFile(join(root, 'packages', name, 'README.md'), 'utf8');
      expect(text.replaceAll('\n', ' '), name).toContain(
        'TypeScript 5.4 or newer needs `@types/node` and, in `tsconfig.json`, `"types": ["node"]`, `"lib": ["es2022"]` or newer, and a `moduleResolution` of `nodenext`, `node16` or `bundler`.',
      );
    }
  });

  it('are the same ones by all of their names', async () => {
    const script = `
      import assert from 'node:assert';
      import * as one from 'zk-recipes';
      import { Mutex } from '@zk-recipes/locks';
      import { Keeper } from '@zk-recipes/core';
      import { ZooKeeper } from 'zookeeper-ts-client';
      import { Semaphore } from 'zk-recipes/locks';
      assert.deepStrictEqual([one.Mutex, one.Keeper, one.ZooKeeper, one.Semaphore], [Mutex, Keeper, ZooKeeper, Semaphore]);`;
    await run(project, process.execPath, '--input-type=module', '--eval', script);
  });

  it('have a command that starts a server', async () => {
    await run(project, 'npx', '--no-install', 'zk-test-server', '--help');
  });

  it('name in their package.json what is published, and versions of it', async () => {
    const { dependencies: installed } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8'));
    for (const name of Object.keys(installed)) {
      const manifest = JSON.parse(await readFile(join(project, 'node_modules', name, 'package.json'), 'utf8'));
      const { dependencies, peerDependencies, devDependencies } = manifest;
      for (const [dependency, range] of Object.entries({ ...devDependencies, ...peerDependencies, ...dependencies })) {
        expect(range, `${name}: ${dependency}`).toMatch(/^[\^~]?\d/);
        if (/^(@zk-recipes\/|zk|zookeeper)/.test(dependency)) expect(installed, name).toHaveProperty([dependency]);
      }
      expect(manifest, name).toMatchObject({
        repository: { type: 'git', directory: expect.stringMatching(/^packages\//) },
        homepage: expect.any(String),
        bugs: { url: expect.any(String) },
        author: expect.any(String),
        publishConfig: { access: 'public', provenance: true },
      });
    }
  });

  it('hold what was compiled and its sources, and nothing of the tests', async () => {
    for (const entry of entries.filter((name) => !/^(@[^/]+\/)?[^/]+\/./.test(name))) {
      const files = await readdir(join(project, 'node_modules', entry), { recursive: true });
      expect(files).toEqual(expect.arrayContaining(['LICENSE', 'package.json', 'dist/index.js', 'src/index.ts']));
      expect(files.filter((file) => /\.test\.|tsbuildinfo|tsconfig/.test(file))).toEqual([]);
    }
  });

  it.each([
    ['npx', 'SIGTERM', 'it alone'],
    ['npx', 'SIGTERM', 'its process group'],
    ['npx', 'SIGINT', 'its process group'],
    ['node', 'SIGINT', 'it alone'],
  ] as const)('have a test server that ends with %s when %s is sent to %s', async (runner, signal, to) => {
    const command = runner === 'npx' ? ['npx', '--no-install', 'zk-test-server'] : ['node_modules/.bin/zk-test-server'];
    const { NODE_OPTIONS: _, ...env } = process.env;
    const [program = '', ...args] = [...command, '--port', '0'];
    const child = spawn(program, args, { cwd: project, env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    const group = -(child.pid as number);
    onTestFinished(() => {
      if (isRunning(group)) process.kill(group, 'SIGKILL');
    });
    await once(createInterface({ input: child.stdout }), 'line');
    // The server has the other end of the pipe, and is the last one to close it.
    const ended = once(child.stdout, 'close');
    process.kill(to === 'it alone' ? -group : group, signal);
    await ended;
  });

  it.each(packages)('satisfy publint and attw: %s', async (name) => {
    const manifest = JSON.parse(await readFile(join(root, 'packages', name, 'package.json'), 'utf8'));
    const start = manifest.name.replace('@', '').replace('/', '-');
    const tarball = join(tarballs, `${start}-${manifest.version}.tgz`);
    await node(root, 'node_modules/publint/src/cli.js', 'run', tarball, '--strict');
    // By import, by a bundler, and by the require of ES modules that Node has since 20.19. That `require` gets an ES module is no fault.
    const rules = ['--profile', 'node16', '--ignore-rules', 'cjs-resolves-to-esm'];
    await node(root, 'node_modules/@arethetypeswrong/cli/dist/index.js', tarball, ...rules);
  });
}, 120_000);

/** Whether a process is there; a negative number is that of a group. */
function isRunning(id: number): boolean {
  try {
    return process.kill(id, 0);
  } catch {
    return false;
  }
}

/** The names by which a package's `exports` can be imported. */
async function entriesOf(packageFolder: string): Promise<string[]> {
  const { name, exports } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8'));
  return Object.keys(exports)
    .filter((subpath) => subpath !== './package.json')
    .map((subpath) => name + subpath.slice(1));
}

function node(cwd: string, ...args: string[]): Promise<void> {
  return run(cwd, process.execPath, ...args);
}

/** Runs a program to its end; what it printed is in the error, if it fails. */
async function run(cwd: string, program: string, ...args: string[]): Promise<void> {
  // The tests' own settings for Node are not the packages' business.
  const { NODE_OPTIONS: _, ...env } = process.env;
  await promisify(execFile)(program, args, { cwd, env }).catch((error) => {
    throw new Error(`${program} ${args.join(' ')}\n${error.stdout}${error.stderr}`);
  });
}
