import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './source-tree.js';

/**
 * A program of a document: a block ```ts, and the blocks ```ts continued that go on from it. Its lines have the numbers that
 * they have in the document, so that errors name them.
 */
export interface ExampleProgram {
  /** Path of the document below the root. */
  readonly document: string;
  /** Line at which its first block begins. */
  readonly line: number;
  readonly source: string;
  /** What it claims to print, line by line: its comments `// → text`, in which `…` stands for anything. */
  readonly claims: readonly string[];
}

/** Documents whose examples are run: all READMEs, and the pages of the recipes. */
export function documents(): string[] {
  const within = (folder: string) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`);
  return [
    'README.md',
    ...[...within('packages'), ...within('examples')].map((folder) => `${folder}/README.md`),
    ...within('recipes-docs').filter((path) => path.endsWith('.md')),
  ].filter((path) => existsSync(join(root, path)));
}

/**
 * Reads the programs of a document.
 *
 * @throws Error for a block of code that would be run by nobody, though it looks as if it could
 */
export function programsOf(document: string): ExampleProgram[] {
  return parsePrograms(document, readFileSync(join(root, document), 'utf8'));
}

/** What a document's fences may be: programs, commands for a shell, output, and the texts of pictures. */
const languages = new Set(['ts', 'ts continued', 'sh', 'text', 'tree', 'sequence', 'states', 'timeline']);

/** The programs of a document's text. */
export function parsePrograms(document: string, text: string): ExampleProgram[] {
  const programs: { line: number; lines: string[] }[] = [];
  let open: string | null = null;
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^```(.*)$/.exec(line)?.[1]?.trim();
    const place = `${document}:${index + 1}`;
    if (fence === undefined) {
      const program = open?.startsWith('ts') ? programs.at(-1) : undefined;
      if (program === undefined) continue;
      while (program.lines.length < index) program.lines.push('');
      program.lines.push(line);
    } else if (open !== null) {
      open = null;
    } else {
      if (!languages.has(fence))
        throw new Error(`${place}: a block of '${fence}'; there are ${[...languages].join(', ')}`);
      if (fence === 'ts') programs.push({ line: index + 1, lines: [] });
      if (fence === 'ts continued' && programs.length === 0) throw new Error(`${place}: nothing to go on from`);
      open = fence;
    }
  }
  return programs.map(({ line, lines }) => ({
    document,
    line,
    source: `${lines.join('\n')}\n`,
    claims: claimsOf(lines),
  }));
}

function claimsOf(lines: readonly string[]): string[] {
  return lines.flatMap((line) => /\/\/ → (.*)$/.exec(line)?.[1]?.trimEnd() ?? []);
}

/** Whether a line that was printed is as claimed. */
export function isAsClaimed(printed: string, claim: string): boolean {
  const parts = claim.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(printed);
}
