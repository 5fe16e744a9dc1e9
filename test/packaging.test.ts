import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { TestServer } from '@zk-recipes/test-server';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { programsOf } from './example-programs.js';
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

/** Ways to start a program that was pasted into a file, as README.md has them. */
const ways: Readonly<Record<string, (file: string) => { file: string; command: string[] }>> = {
  'an .mjs file': (name) => ({ file: `${name}.mjs`, command: [process.execPath, `${name}.mjs`] }),
  'an .mts file by tsx': (name) => ({ file: `${name}.mts`, command: ['npx', '--no-install', 'tsx', `${name}.mts`] }),
  'an .mts file by Node itself': (name) => ({
    file: `${name}.mts`,
    command: ['node_modules/node24/bin/node', `${name}.mts`],
  }),
  'a CommonJS file': (name) => ({ file: `${name}.cjs`, command: [process.execPath, `${name}.cjs`] }),
};

describe('the programs of README.md, pasted into a project that has installed zk-recipes', () => {
  const [leader, cron, queue] = programsOf('README.md').map(({ source }) => source.trim()) as [string, string, string];
  const running: ChildProcess[] = [];
  let connectString: string;

  beforeAll(async () => {
    await run(project, 'npm', 'install', '--no-audit', '--no-fund', '--save-dev', 'tsx@4', 'node24@npm:node@24');
  }, 300_000);

  /** A server by the command of README.md, whose port is one that is free. */
  beforeEach(async () => {
    const server = start(['node_modules/.bin/zk-test-server', '--port', '0']);
    connectString = /localhost:\d+|127\.0\.0\.1:\d+/.exec(await lineOf(server, /:\d+/))?.[0] as string;
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).reverse().map(end));
  });

  function start([program = '', ...args]: readonly string[]): ChildProcess {
    const { NODE_OPTIONS: _, ...env } = process.env;
    const child = spawn(program, args, { cwd: project, env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    running.push(child);
    return child;
  }

  async function paste(name: string, source: string, way: string): Promise<ChildProcess> {
    const { file, command } = (ways[way] as (typeof ways)[string])(name);
    const text = source.replaceAll('localhost:2181', connectString);
    await writeFile(join(project, file), file.endsWith('.cjs') ? asCommonJs(text) : text);
    return start(command);
  }

  it.each(Object.keys(ways))('lead, one process after the other, as %s', async (way) => {
    const [first, second] = [await paste('leader', leader, way), await paste('leader', leader, way)];
    const leads = (child: ChildProcess) => lineOf(child, /^billing-\d+ leads$/).then(() => child);
    const leading = await Promise.race([leads(first), leads(second)]);
    // Ctrl-C hands over.
    process.kill(-(leading.pid as number), 'SIGINT');
    await leads(leading === first ? second : first);
  });

  it('do the job of a night once', async () => {
    for (const said of ['sends the report', 'another machine has sent the report']) {
      await lineOf(await paste('cron', cron, 'an .mjs file'), new RegExp(`^${said}$`));
    }
  });

  it('work off a queue, the most urgent item first', async () => {
    const worker = await paste('queue', queue, 'an .mjs file');
    await lineOf(worker, /^thumbnail of cat.png 1$/);
    const ended = once(worker, 'exit');
    process.kill(-(worker.pid as number), 'SIGTERM');
    expect(await ended).toEqual([0, null]);
  });

  it('go on leading when a reply is lost', async () => {
    await using server = await TestServer.start();
    connectString = server.connectString;
    const child = await paste('leader', leader, 'an .mjs file');
    await lineOf(child, /leads$/);
    await server.faults.dropReplyOnce({ op: 'multi' });
    const writes = server.stats.requests['multi'] ?? 0;
    await expect.poll(() => server.stats.requests['multi'] ?? 0, { timeout: 20_000 }).toBeGreaterThan(writes + 1);
    expect(child.exitCode).toBeNull();
  });
}, 120_000);

/** A program with `import` and `await` at its top as CommonJS, as README.md says how. */
function asCommonJs(source: string): string {
  const lines = source.split('\n');
  const imports = lines.filter((line) => line.startsWith('import '));
  const required = imports.map((line) => line.replace(/^import (\{.*\}) from ('.*');$/, 'const $1 = require($2);'));
  const rest = lines.filter((line) => !line.startsWith('import '));
  return [...required, 'async function main() {', ...rest, '}', 'main();'].join('\n');
}

/** Resolves with the first line that a program prints from now on and that matches. */
async function lineOf(child: ChildProcess, pattern: RegExp): Promise<string> {
  const lines = createInterface({ input: child.stdout as Readable });
  for await (const line of lines) if (pattern.test(line)) return line;
  throw new Error(`Expected a line that matches ${pattern} before the end of the program, got none`);
}

/** Ends a program with all that it has started. */
async function end(child: ChildProcess): Promise<void> {
  const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : Promise.resolve();
  if (isRunning(-(child.pid as number))) process.kill(-(child.pid as number), 'SIGKILL');
  await ended;
}

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
