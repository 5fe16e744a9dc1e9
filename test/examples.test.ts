import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Keeper } from '@zk-recipes/core';
import { describeOnSharedServer, freshPath, sharedServer } from '@zk-recipes/test-support/vitest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documents, type ExampleProgram, isAsClaimed, parsePrograms, programsOf } from './example-programs.js';
import { packageNames, root } from './source-tree.js';

/** Where the documents say that a server is. */
const SERVER_OF_DOCUMENTS = 'localhost:2181';

/** How long a program that goes on until it gets a SIGTERM is left alone, from its first output. */
const SERVICE_MS = 1_500;

const programs = documents().flatMap(programsOf);

let folder: string;
let complaints: string;
const stem = ({ document, line }: ExampleProgram) => `${document.replaceAll('/', '_')}-${line}`;

/** Compiles all programs as a project of their own, strictly, and with it the packages that they import. */
beforeAll(async () => {
  // Below this folder, where the packages are installed.
  await mkdir(join(root, 'test/.cache'), { recursive: true });
  folder = await mkdtemp(join(root, 'test/.cache/examples-'));
  for (const program of programs) {
    const source = program.source.replaceAll(SERVER_OF_DOCUMENTS, chrootOf(program));
    await writeFile(join(folder, `${stem(program)}.ts`), source);
  }
  const project = {
    extends: join(root, 'tsconfig.test.json'),
    compilerOptions: {
      noEmit: false,
      outDir: 'out',
      rootDir: '.',
      tsBuildInfoFile: 'out/.tsbuildinfo',
      // A block that other blocks go on from is a module of its own none the less.
      moduleDetection: 'force',
    },
    files: programs.map((program) => `${stem(program)}.ts`),
    references: packageNames().map((name) => ({ path: join(root, 'packages', name) })),
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(project));
  const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-b', '--pretty', 'false'];
  complaints = await promisify(execFile)(process.execPath, tsc, { cwd: folder }).then(
    () => '',
    // Those about the packages themselves, outside of the folder, are for the check of the types to tell.
    ({ stdout, stderr }) =>
      `${stdout}${stderr}`
        .split(/\n(?=\S)/)
        .filter((text) => !text.startsWith('../'))
        .join('\n'),
  );
}, 180_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the examples of the documents', () => {
  it('show in its README how a package is used', () => {
    const readmes = documents().filter((document) => document.startsWith('packages/'));
    expect(programs.map(({ document }) => document)).toEqual(expect.arrayContaining(readmes));
  });

  it('have the right types', () => {
    expect(complaints).toBe('');
  });
});

const chroots = new Map<string, string>();

/** Every program has a tree of its own, so that it finds the empty server which it was written for. */
function chrootOf(program: ExampleProgram): string {
  const { connectString } = sharedServer();
  const path = chroots.get(stem(program)) ?? freshPath('example');
  chroots.set(stem(program), path);
  return connectString + path;
}

describeOnSharedServer('the examples of the documents, run', () => {
  let keeper: Keeper;
  beforeAll(async () => {
    keeper = await Keeper.connect({ connectString: sharedServer().connectString });
  });
  afterAll(async () => {
    for (const path of chroots.values()) await keeper.delete().deletingChildren().quietly().forPath(path);
    await keeper.close();
  });

  it.each(programs.map((program) => [`${program.document}:${program.line}`, program] as const))(
    '%s',
    async (_, program) => {
      await keeper.create().forPath(chroots.get(stem(program)) as string, '');
      const { printed, complained, code, signal } = await run(program);
      const comparison = printed.map((line, index) => {
        const claim = program.claims[index];
        return claim !== undefined && isAsClaimed(line, claim) ? claim : line;
      });
      expect(comparison, complained).toEqual(program.claims);
      expect({ code, signal, complained }).toEqual({ code: 0, signal: null, complained: '' });
    },
  );
});

interface Run {
  readonly printed: readonly string[];
  readonly complained: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Runs a program to its end; one that listens for a SIGTERM is given it. */
async function run(program: ExampleProgram): Promise<Run> {
  const file = join(folder, 'out', `${stem(program)}.js`);
  // Fake timers of `node:test` are experimental in Node 20, and say so.
  const flags = ['--enable-source-maps', '--disable-warning=ExperimentalWarning'];
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(process.execPath, [...flags, file], { cwd: dirname(file), env });
  let [stdout, complained] = ['', ''];
  let service: NodeJS.Timeout | undefined;
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
    if (program.source.includes("'SIGTERM'")) service ??= setTimeout(() => child.kill('SIGTERM'), SERVICE_MS);
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    complained += text;
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), 20_000);
  return await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      clearTimeout(service);
      resolve({ printed: linesOf(stdout), complained, code, signal });
    });
  });
}

function linesOf(text: string): string[] {
  return text.split('\n').slice(0, -1);
}

describe('a document', () => {
  const block = (language: string, ...lines: string[]) => [`\`\`\`${language}`, ...lines, '```'];

  it('has a program a block, unless a block goes on from another, each line with its number', () => {
    const text = [
      ...block('ts', 'a();'),
      ...block('sh', 'ls'),
      'And:',
      ...block('ts continued', 'b(); // → 1'),
      ...block('ts'),
    ];
    expect(parsePrograms('x.md', text.join('\n'))).toEqual([
      { document: 'x.md', line: 1, source: `\na();\n${'\n'.repeat(6)}b(); // → 1\n`, claims: ['1'] },
      { document: 'x.md', line: 11, source: '\n', claims: [] },
    ]);
  });

  it('has no code that nobody runs', () => {
    expect(() => parsePrograms('x.md', block('typescript').join('\n'))).toThrow("x.md:1: a block of 'typescript'");
    expect(() => parsePrograms('x.md', block('ts continued').join('\n'))).toThrow('x.md:1: nothing to go on from');
  });

  it('claims what is printed, but for what it leaves open', () => {
    expect(isAsClaimed('token 17', 'token …')).toBe(true);
    expect(isAsClaimed('token 17 (x)', 'token … (x)')).toBe(true);
    expect(isAsClaimed('a token', 'token')).toBe(false);
    expect(isAsClaimed('a.b', 'a+b')).toBe(false);
  });
});
