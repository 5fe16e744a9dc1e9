import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { changes, metadataOf, REPOSITORY, withAbsoluteLinks, withMetadata } from '../scripts/publish-metadata.mjs';
import { packageNames, readManifest, root } from './source-tree.js';

const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** Names of packages that are never published. */
const privateNames = ['test', 'test/support', 'bench', 'recipes-docs', ...foldersIn('examples')].map(
  (folder) => JSON.parse(read(`${folder}/package.json`)).name as string,
);

describe('the metadata of the packages', () => {
  it('is what the script writes, the links of READMEs included', () => {
    expect(changes().map(({ path }) => path)).toEqual([]);
  });

  it.each(['', ...packageNames().map((name) => `packages/${name}`)])('is whole in package.json of %j', (folder) => {
    const manifest = JSON.parse(read(join(folder, 'package.json')));
    expect(manifest).toMatchObject(metadataOf(folder));
    expect(Object.keys(manifest)).toEqual(expect.arrayContaining(['homepage', 'bugs', 'repository', 'author']));
    expect('publishConfig' in manifest).toBe(folder !== '');
  });

  it('follows the one address: no other stays behind when the repository moves', () => {
    const moved = changes('https://git.example.org/a/b');
    expect(moved.map(({ path }) => path)).toEqual(
      expect.arrayContaining(packageNames().map((name) => `packages/${name}/package.json`)),
    );
    expect(moved.filter(({ text }) => text.includes(REPOSITORY)).map(({ path }) => path)).toEqual([]);
  });

  it('stands behind the licence, and leaves all other fields in their order', () => {
    const text = JSON.stringify({ name: 'x', author: 'former', license: 'L', type: 'module' });
    const written = JSON.parse(withMetadata(text, 'packages/x', 'https://example.org/r'));
    expect(Object.keys(written)).toEqual(
      ['name', 'license'].concat(Object.keys(metadataOf('packages/x', 'https://example.org/r')), 'type'),
    );
    expect(written.repository).toEqual({
      type: 'git',
      url: 'git+https://example.org/r.git',
      directory: 'packages/x',
    });
  });
});

describe('what is published', () => {
  it('is no private package, and depends on none', () => {
    for (const name of packageNames()) {
      const { dependencies, devDependencies, peerDependencies, optionalDependencies, ...manifest } = readManifest(name);
      expect(manifest.private, name).toBeUndefined();
      const needed = { ...dependencies, ...devDependencies, ...peerDependencies, ...optionalDependencies };
      expect(
        Object.keys(needed).filter((dependency) => privateNames.includes(dependency)),
        name,
      ).toEqual([]);
    }
    expect(privateNames).toContain('@zk-recipes/test-support');
  });

  it('does not share its name with the root', () => {
    const names = packageNames().map((name) => readManifest(name).name);
    expect(names).toContain('zk-recipes');
    expect(names).not.toContain(JSON.parse(read('package.json')).name);
  });

  it('has one command, which names the project', () => {
    const commands = packageNames().flatMap((name) => Object.entries(readManifest(name).bin ?? {}));
    expect(commands).toEqual([['zk-test-server', './dist/cli.js']]);
    expect(read('packages/test-server/src/cli.ts')).toContain('Usage: zk-test-server ');
  });
});

describe('the links of READMEs that are published', () => {
  const inRepository = (kind: string) => `${REPOSITORY}/${kind}/main/`;

  it.each(packageNames())('lead to pages outside of the package by their whole address: %s', (name) => {
    const text = read(`packages/${name}/README.md`);
    for (const link of linksOf(text)) expect(link).toMatch(/^(https:\/\/|#)/);
    const own = linksOf(text).filter((link) => link.startsWith(REPOSITORY));
    for (const link of own) {
      const kind = link.startsWith(inRepository('blob')) ? 'blob' : 'tree';
      expect(link.startsWith(inRepository(kind)), link).toBe(true);
      const [path, anchor] = link.slice(inRepository(kind).length).split('#') as [string, string | undefined];
      expect(existsSync(join(root, path)), link).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(read(path)), link).toContain(anchor);
    }
  });

  it('are made whole by the script', () => {
    const text = '[a](../../recipes-docs/holds.md#time), [b](../locks/), [c](#own), [d](https://example.org/x)';
    expect(withAbsoluteLinks(text, 'packages/core', 'https://example.org/r')).toBe(
      '[a](https://example.org/r/blob/main/recipes-docs/holds.md#time), [b](https://example.org/r/tree/main/packages/locks), [c](#own), [d](https://example.org/x)',
    );
  });
});

describe('the commands that documents and workflows name', () => {
  const files = [
    ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'recipes-docs/versions.md'],
    ...readdirSync(join(root, '.github'), { recursive: true, encoding: 'utf8' }).map((path) => `.github/${path}`),
  ].filter((path) => /\.(md|yml)$/.test(path));

  it.each(files)('are scripts of the root: %s', (path) => {
    const { scripts } = JSON.parse(read('package.json'));
    const named = [...read(path).matchAll(/\bnpm run ([\w:-]+)/g)].map(([, name]) => name as string);
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
  });
});

function foldersIn(folder: string): string[] {
  return readdirSync(join(root, folder))
    .map((name) => `${folder}/${name}`)
    .filter((path) => existsSync(join(root, path, 'package.json')));
}

/** Targets of all links and images of a Markdown text, those in its code left out. */
function linksOf(text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
  const links = /\]\(([^)\s]+)[^)]*\)|^\[[^\]]+\]:\s*(\S+)|(?:href|src)="([^"]+)"/gm;
  return [...prose.matchAll(links)].map(([, inline, reference, html]) => (inline ?? reference ?? html) as string);
}

/** Anchors of the headings of a Markdown text, as GitHub and VitePress make them. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    (title as string)
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );
}
