import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { type Manifest, packageNames, readManifest, root } from './source-tree.js';

/** All that changesets looks at. */
const looksAt = ['package.json', 'pnpm-workspace.yaml', 'pnpm-lock.yaml', '.changeset', '.gitignore'];

const workspaces = ['packages', 'examples'].flatMap((folder) =>
  readdirSync(join(root, folder)).map((name) => `${folder}/${name}`),
);

const clones: string[] = [];
afterEach(() => {
  for (const clone of clones.splice(0)) rmSync(clone, { recursive: true, force: true });
});

describe('the next version', { timeout: 120_000 }, () => {
  it('is a minor one of all packages for a minor change of one, though packages are peers of each other', async () => {
    for (const changed of ['zookeeper-ts-client', '@zk-recipes/core', '@zk-recipes/locks']) {
      const clone = await cloneWith({ [changed]: 'minor' });
      await takeVersions(clone);
      expect(versionsIn(clone), changed).toEqual(all(nextMinor(current())));
    }
  });

  it('is a patch of all packages for a patch of one', async () => {
    const clone = await cloneWith({ '@zk-recipes/core': 'patch' });
    await takeVersions(clone);
    const [major, minor, patch] = current().split('.').map(Number) as [number, number, number];
    expect(versionsIn(clone)).toEqual(all(`${major}.${minor}.${patch + 1}`));
  });

  it('is taken from the changes that wait, uses them up, and leaves the ranges of peers to the workspace', async () => {
    const clone = await cloneRepository();
    const waiting = changesIn(clone);
    await takeVersions(clone);
    expect(changesIn(clone)).toEqual([]);
    if (waiting.length > 0) expect(versionsIn(clone)).toEqual(all(nextMinor(current())));
    for (const name of packageNames()) {
      const { dependencies, peerDependencies } = manifestIn(clone, name);
      const own = Object.entries({ ...dependencies, ...peerDependencies }).filter(([dependency]) => isOwn(dependency));
      for (const [dependency, range] of own) expect(range, `${name}: ${dependency}`).toBe('workspace:^');
    }
  });
});

/** The one version that all packages have. */
function current(): string {
  const versions = new Set(packageNames().map((name) => readManifest(name).version));
  expect([...versions]).toHaveLength(1);
  return [...versions][0] as string;
}

function nextMinor(version: string): string {
  const [major, minor] = version.split('.').map(Number) as [number, number];
  return `${major}.${minor + 1}.0`;
}

function all(version: string): Record<string, string> {
  return Object.fromEntries(packageNames().map((name) => [name, version]));
}

function isOwn(name: string): boolean {
  return packageNames().some((folder) => readManifest(folder).name === name);
}

/** A clone in which just one change waits. */
async function cloneWith(releases: Readonly<Record<string, string>>): Promise<string> {
  const clone = await cloneRepository();
  for (const file of changesIn(clone)) rmSync(join(clone, '.changeset', file));
  const lines = Object.entries(releases).map(([name, kind]) => `'${name}': ${kind}`);
  writeFileSync(join(clone, '.changeset/change.md'), ['---', ...lines, '---', '', 'A change.', ''].join('\n'));
  return clone;
}

/** A repository with all that changesets looks at, and a commit to compare with. */
async function cloneRepository(): Promise<string> {
  const clone = mkdtempSync(join(tmpdir(), 'zk-recipes-versions-'));
  clones.push(clone);
  const manifests = [...workspaces, 'test', 'test/support'].map((folder) => `${folder}/package.json`);
  for (const path of [...looksAt, ...manifests]) cpSync(join(root, path), join(clone, path), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'), 'dir');
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.org', '-c', 'commit.gpgsign=false'];
  await run(clone, 'git', 'init', '--quiet', '--initial-branch=main');
  await run(clone, 'git', 'add', '--all');
  await run(clone, 'git', ...identity, 'commit', '--quiet', '--no-verify', '--message', 'all');
  return clone;
}

/** `changeset version`, by its module: its command asks for a Node newer than the oldest one that tests run on. */
async function takeVersions(clone: string): Promise<void> {
  await run(clone, process.execPath, 'node_modules/@changesets/cli/dist/index.mjs', 'version');
}

function changesIn(clone: string): string[] {
  return readdirSync(join(clone, '.changeset')).filter((file) => file.endsWith('.md') && file !== 'README.md');
}

function manifestIn(clone: string, packageName: string): Manifest {
  return JSON.parse(readFileSync(join(clone, 'packages', packageName, 'package.json'), 'utf8')) as Manifest;
}

function versionsIn(clone: string): Record<string, string> {
  return Object.fromEntries(packageNames().map((name) => [name, manifestIn(clone, name).version]));
}

async function run(cwd: string, program: string, ...args: string[]): Promise<void> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  await promisify(execFile)(program, args, { cwd, env }).catch((error) => {
    throw new Error(`${program} ${args.join(' ')}\n${error.stdout}${error.stderr}`);
  });
}
