import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { installDebianPackages } from '../debian-packages.js';

/** A PostgreSQL that can be run on this machine. */
export interface PostgresTools {
  /** Path of `postgres`. */
  readonly postgres: string;
  /** Path of `initdb`. */
  readonly initdb: string;
  /** Whom to run it as; `null` for the present user. It refuses to run as root. */
  readonly runAs: { readonly uid: number; readonly gid: number } | null;
}

/** Where Debian puts the programs, one folder a version; they are not on the search path. */
const debianFolder = '/usr/lib/postgresql';

/**
 * Finds a PostgreSQL server: on the search path, or Debian's, or installs Debian's package, if root may and `ZOOKEEPER_INSTALL` is not
 * `never`.
 *
 * @returns what was found, or a sentence why there is none
 */
export async function findPostgres(): Promise<PostgresTools | string> {
  let folder = findFolder();
  if (folder === undefined) {
    const failed = await installDebianPackages(['postgresql']);
    if (failed !== undefined) return failed;
    folder = findFolder();
  }
  if (folder === undefined) return 'there is no PostgreSQL server';
  const runAs = await findUser();
  if (typeof runAs === 'string') return runAs;
  return { postgres: join(folder, 'postgres'), initdb: join(folder, 'initdb'), runAs };
}

/** The folder of both programs. */
function findFolder(): string | undefined {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const debians = existsSync(debianFolder)
    ? readdirSync(debianFolder)
        .sort((one, other) => Number(other) - Number(one))
        .map((version) => join(debianFolder, version, 'bin'))
    : [];
  return [...onPath, ...debians].find((folder) =>
    ['postgres', 'initdb'].every((program) => existsSync(join(folder, program))),
  );
}

/** Somebody else than root, if that is who runs the tests. */
async function findUser(): Promise<PostgresTools['runAs'] | string> {
  if (process.getuid?.() !== 0) return null;
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = await Promise.all([idOf('-u', name), idOf('-g', name)]);
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  return 'PostgreSQL does not run as root, and there is no user postgres or nobody';
}

async function idOf(kind: '-u' | '-g', name: string): Promise<number | undefined> {
  try {
    return Number((await promisify(execFile)('id', [kind, name])).stdout);
  } catch {
    return undefined;
  }
}
