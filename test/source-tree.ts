import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const root: string = fileURLToPath(new URL('..', import.meta.url));

/** One import or re-export of a source file. */
interface Import {
  /** A package's name (with its subpath), or, of the same package, a path below `src` such as `jute/codec.ts`. */
  readonly target: string;
  readonly isRelative: boolean;
  /** Whether it vanishes when it is compiled. */
  readonly isTypeOnly: boolean;
}

/** A source file of a package, tests left out. */
export interface SourceFile {
  /** Folder name of its package. */
  readonly packageName: string;
  /** Path below the package's `src`. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

/** Folder names of all packages. */
export function packageNames(): string[] {
  const packages = join(root, 'packages');
  return readdirSync(packages).filter((name) => existsSync(join(packages, name, 'package.json')));
}

/** What tests read of a `package.json`. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Reads the `package.json` of one package. */
export function readManifest(packageName: string): Manifest {
  return JSON.parse(readFileSync(join(root, 'packages', packageName, 'package.json'), 'utf8')) as Manifest;
}

/** Reads the sources of one package. */
export function readSources(packageName: string): SourceFile[] {
  const src = join(root, 'packages', packageName, 'src');
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .map((path) => path.split(sep).join('/'))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .sort()
    .map((path) => {
      const text = readFileSync(join(src, path), 'utf8');
      return { packageName, path, text, imports: importsOf(text, path) };
    });
}

/** Names that an index file exports, each with the file of the package in which it is declared. */
export function exportsOf(index: SourceFile, sources: readonly SourceFile[]): { name: string; file: SourceFile }[] {
  const found: { name: string; file: SourceFile }[] = [];
  for (const [, names, from] of withoutComments(index.text).matchAll(
    /export (?:type )?\{([^}]*)\} from '(\.[^']+)'/g,
  )) {
    const file = sources.find(({ path }) => path === resolveSource(index.path, from as string));
    if (file === undefined) throw new Error(`${index.packageName}/${index.path}: there is no ${from}`);
    for (const name of (names as string).split(',').map((entry) => entry.trim().replace(/^type /, ''))) {
      if (name !== '') found.push(...declarationsOf(name.split(' as ')[0] as string, file, sources));
    }
  }
  return found;
}

/** Whether each declaration of this name (overloads after the first left out) has a docstring right above it. */
export function hasDocstring(name: string, { text }: SourceFile): boolean {
  const declared = new RegExp(
    `^export (?:declare |abstract |async )*(?:const|class|function\\*?|interface|type) ${name}\\b`,
    'm',
  );
  const at = declared.exec(text)?.index;
  return at !== undefined && text.slice(0, at).trimEnd().endsWith('*/');
}

/** The declaration itself; that of the file which this one hands on; none if it belongs to a package from outside. */
function declarationsOf(
  name: string,
  file: SourceFile,
  sources: readonly SourceFile[],
): { name: string; file: SourceFile }[] {
  const handedOn = exportsOf(file, sources).filter((other) => other.name === name);
  if (handedOn.length > 0) return handedOn;
  const isForeign = new RegExp(`^import [^;]*\\b${name}\\b[^;]* from '[^.]`, 'm').test(file.text);
  return isForeign ? [] : [{ name, file }];
}

function importsOf(text: string, path: string): Import[] {
  const statements =
    /^(?:import|export)\b(?:(\s+type)\b)?[^'";]*?from\s*'([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm;
  return [...withoutComments(text).matchAll(statements)].map(([, typeOnly, from, bare, dynamic]) => {
    const specifier = (from ?? bare ?? dynamic) as string;
    const isRelative = specifier.startsWith('.');
    const target = isRelative ? resolveSource(path, specifier) : specifier;
    return { target, isRelative, isTypeOnly: typeOnly !== undefined };
  });
}

function resolveSource(from: string, specifier: string): string {
  const target = relative('.', join(dirname(from), specifier));
  return target.split(sep).join('/').replace(/\.js$/, '.ts');
}

/** The text without its comments: examples in docstrings have code, too. */
export function withoutComments(text: string): string {
  return text.replace(/^\s*(?:\/\*\*?|\*|\/\/).*$/gm, '');
}
