import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as barriers from '@zk-recipes/barriers';
import * as core from '@zk-recipes/core';
import * as kit from '@zk-recipes/core/recipe-kit';
import * as leaderElection from '@zk-recipes/leader-election';
import * as locks from '@zk-recipes/locks';
import * as queues from '@zk-recipes/queues';
import * as twoPhaseCommit from '@zk-recipes/two-phase-commit';
import * as postgres from '@zk-recipes/two-phase-commit/postgres';
import { describe, expect, it } from 'vitest';
import * as client from 'zookeeper-ts-client';
import { packageNames, readSources, root } from './source-tree.js';

interface ErrorClass {
  readonly prototype: Error & { readonly code: string };
}

/** What each package exports. */
const exportsOfPackages: Readonly<Record<string, readonly object[]>> = {
  'zookeeper-ts-client': [client],
  core: [core, kit],
  locks: [locks],
  'leader-election': [leaderElection],
  barriers: [barriers],
  queues: [queues],
  'two-phase-commit': [twoPhaseCommit, postgres],
};

/** Abstract bases, of which there are no errors. */
const bases = ['ZooKeeperError', 'RecipeError'];

function errorsOf(exported: readonly object[]): Map<string, ErrorClass> {
  const named = exported.flatMap((one) => Object.entries(one) as [string, unknown][]);
  return new Map(
    named.filter(
      (entry): entry is [string, ErrorClass & (new () => Error)] =>
        typeof entry[1] === 'function' && entry[1].prototype instanceof Error && !bases.includes(entry[0]),
    ),
  );
}

/** Errors of a package's own, not those that it hands on. */
function ownErrorsOf(packageName: string): [name: string, code: string][] {
  const below = packageName === 'zookeeper-ts-client' ? [] : packageName === 'core' ? [client] : [client, core, kit];
  const handedOn = errorsOf(below);
  const all = errorsOf(exportsOfPackages[packageName] as readonly object[]);
  const own = [...all].filter(([name]) => !handedOn.has(name));
  return own.map(([name, { prototype }]) => [name, prototype.code]);
}

const page = readFileSync(join(root, 'recipes-docs', 'troubleshooting.md'), 'utf8');
/** Rows of a table, cells without their marks. */
const rowsOf = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')));

/** The test server has no errors of its own, and `zk-recipes` hands on those of the others. */
const without = ['test-server', 'zk-recipes'];

describe.each(packageNames().filter((name) => !without.includes(name)))('errors of packages/%s', (packageName) => {
  const own = ownErrorsOf(packageName);

  it('are in the table of its README, with their codes', () => {
    const readme = readFileSync(join(root, 'packages', packageName, 'README.md'), 'utf8');
    const rows = rowsOf(readme.slice(readme.indexOf('## Errors')));
    const missing = own.filter(([name, code]) => !rows.some((cells) => cells[1] === name && cells[2] === code));
    expect(missing).toEqual([]);
    expect(own.length).toBeGreaterThan(0);
  });

  it('are on the page of troubleshooting, with what they mean and what to do', () => {
    const rows = rowsOf(page);
    const missing = own.filter(
      ([name, code]) => !rows.some((cells) => cells[1] === code && cells[2] === name && cells[3] && cells[4]),
    );
    expect(missing).toEqual([]);
  });

  it('are exported, every one that has a code', () => {
    const declared = readSources(packageName).flatMap(({ text }) => [
      ...text.matchAll(/^export (?:abstract )?class (\w+) extends (?:\w*Error|AggregateError)\b/gm),
    ]);
    const names = declared.map(([, name]) => name as string).filter((name) => !bases.includes(name));
    const exported = errorsOf(exportsOfPackages[packageName] as readonly object[]);
    const hidden = names.filter((name) => !exported.has(name));
    expect(hidden).toEqual(
      packageName === 'queues' ? ['RefusedItem', 'UnreadItem', 'ClaimGone'].filter((name) => names.includes(name)) : [],
    );
  });
});

describe('the page of troubleshooting', () => {
  it('names no code that does not exist', () => {
    const codes = new Set(Object.keys(exportsOfPackages).flatMap((name) => ownErrorsOf(name).map(([, code]) => code)));
    const named = page.match(/ZK_[A-Z_]+/g) ?? [];
    expect(named.filter((code) => !codes.has(code))).toEqual([]);
    expect(new Set(named).size).toBe(codes.size);
  });
});
