import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageNames, readManifest, readSources, root, type SourceFile, withoutComments } from './source-tree.js';

/** What `zk-recipes` leaves out: a server belongs to the dependencies of tests. */
const leftOut = ['zk-recipes', 'test-server'];

/** Names that more than one package exports, and the package that the root of `zk-recipes` takes each from. */
const ambiguous: Readonly<Record<string, string>> = {
  CallOptions: '@zk-recipes/core',
  Codec: '@zk-recipes/queues',
  ConnectionState: '@zk-recipes/core',
  Participant: '@zk-recipes/two-phase-commit',
  RunOptions: '@zk-recipes/locks',
  WaitOptions: '@zk-recipes/locks',
};

/** An entry of a package. */
interface Entry {
  /** Its name in an import, such as `@zk-recipes/core/recipe-kit`. */
  readonly original: string;
  /** The same entry of `zk-recipes`. */
  readonly subpath: string;
  /** Whether the root of `zk-recipes` has its names, too. */
  readonly isMain: boolean;
  /** All names, those of types included. */
  readonly names: readonly string[];
}

const entries = packageNames()
  .filter((name) => !leftOut.includes(name))
  .flatMap(entriesOf);

let folder: string;

beforeAll(async () => {
  // Below this folder, where the packages are installed.
  await mkdir(join(root, 'test/.cache'), { recursive: true });
  folder = await mkdtemp(join(root, 'test/.cache/one-package-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('zk-recipes', () => {
  it('has each entry of each package as a subpath', () => {
    const { exports } = readManifest('zk-recipes');
    const subpaths = Object.keys(exports).filter((subpath) => subpath !== '.' && subpath !== './package.json');
    expect(subpaths.map((subpath) => `zk-recipes${subpath.slice(1)}`).sort()).toEqual(
      entries.map(({ subpath }) => subpath).sort(),
    );
  });

  it('has the values of each entry, the same ones', async () => {
    const all = await import('zk-recipes');
    for (const { original, subpath, isMain, names } of entries) {
      const values = await import(original);
      expect(names, `names read from ${original}`).toEqual(expect.arrayContaining(Object.keys(values)));
      expect({ ...(await import(subpath)) }, subpath).toEqual({ ...values });
      if (!isMain) continue;
      for (const [name, value] of Object.entries(values)) {
        if ((ambiguous[name] ?? original) === original) expect(Reflect.get(all, name), name).toBe(value);
      }
    }
  });

  it('exports all names, those of types included, from its root and from its subpaths', async () => {
    const exported = entries.flatMap(({ subpath, isMain, names }, index) => [
      exportOf(names, subpath, `of${index}`),
      isMain ? exportOf(names, 'zk-recipes', `rootOf${index}`) : '',
    ]);
    // A name that is missing is a complaint: without one, this line would be.
    const missing = ['// @ts-expect-error', exportOf(['Mutexes'], 'zk-recipes', 'missing')];
    await writeFile(join(folder, 'names.ts'), [...exported, ...missing].join('\n'));
    expect(await compile('names.ts')).toBe('');
  });

  it('takes a name of several packages from the one that its root names', () => {
    const owners = new Map<string, Set<string>>();
    for (const { original, names } of entries.filter(({ isMain }) => isMain)) {
      for (const name of names) owners.set(name, (owners.get(name) ?? new Set()).add(original));
    }
    const [index] = readSources('zk-recipes').filter(({ path }) => path === 'index.ts');
    const named = withoutComments((index as SourceFile).text).matchAll(/\{([^}]*)\} from '([^']+)'/g);
    const chosen = [...named].flatMap(([, names, from]) =>
      (names as string).split(',').map((name) => [name.trim(), from as string]),
    );
    expect(Object.fromEntries(chosen)).toEqual(ambiguous);
    for (const name of Object.keys(ambiguous)) expect(owners.get(name)?.size, name).toBeGreaterThan(1);
  });
}, 120_000);

/** A re-export of types and values alike, in which a name that is missing is an error of the compiler. */
function exportOf(names: readonly string[], from: string, prefix: string): string {
  return `export type { ${names.map((name) => `${name} as ${prefix}_${name}`).join(', ')} } from '${from}';`;
}

/** Checks a program strictly against the packages' sources; returns the compiler's complaints. */
async function compile(file: string): Promise<string> {
  const project = `tsconfig.${file}.json`;
  const compilerOptions = { noEmit: true, incremental: false };
  await writeFile(
    join(folder, project),
    JSON.stringify({ extends: join(root, 'tsconfig.test.json'), compilerOptions, files: [file] }),
  );
  const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', project, '--pretty', 'false'];
  return promisify(execFile)(process.execPath, tsc, { cwd: folder }).then(
    () => '',
    ({ stdout, stderr }) => `${stdout}${stderr}`,
  );
}

function entriesOf(packageName: string): Entry[] {
  const { name, exports } = readManifest(packageName);
  const sources = readSources(packageName);
  const folderName = packageName === 'zookeeper-ts-client' ? 'client' : packageName;
  return Object.entries(exports).flatMap(([subpath, conditions]) => {
    if (typeof conditions === 'string') return [];
    const path = conditions['@zk-recipes/source']?.replace('./src/', '');
    const file = sources.find((source) => source.path === path);
    if (file === undefined) throw new Error(`Expected a source of ${name}${subpath.slice(1)}, got ${path}`);
    const isMain = subpath === '.';
    const rest = subpath.slice(1);
    return [
      { original: name + rest, subpath: `zk-recipes/${folderName}${rest}`, isMain, names: namesOf(file, sources) },
    ];
  });
}

/** All names that a file exports; of `export *` from a file of the same package those of that file. */
function namesOf(file: SourceFile, sources: readonly SourceFile[]): string[] {
  const text = withoutComments(file.text);
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list]) =>
    (list as string).split(',').map(
      (entry) =>
        entry
          .trim()
          .replace(/^type /, '')
          .split(' as ')
          .at(-1) as string,
    ),
  );
  const declared = /^export (?:declare |abstract |async )*(?:const|class|function\*?|interface|type) (\w+)/gm;
  const declarations = [...text.matchAll(declared)].map(([, name]) => name as string);
  const stars = [...text.matchAll(/^export \* from '\.\/([^']+)\.js'/gm)].flatMap(([, path]) => {
    const target = sources.find((source) => source.path === `${path}.ts`);
    if (target === undefined) throw new Error(`${file.packageName}/${file.path}: there is no ${path}.ts`);
    return namesOf(target, sources);
  });
  return [...new Set([...lists, ...declarations, ...stars])].filter((name) => name !== '').sort();
}
