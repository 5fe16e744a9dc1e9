import type { Znode } from './znode.js';
import { nameOf, QUOTA_PATH } from './znode-path.js';

const LIMIT_NODE = 'zookeeper_limits';
const STAT_NODE = 'zookeeper_stats';

/** Limits or usage of a quota: `count=5,bytes=-1=;countHardLimit=6`; -1 without a limit. */
type Figures = Readonly<Record<'count' | 'bytes' | 'countHardLimit' | 'byteHardLimit', number>>;

/**
 * Usage of quotas: number of znodes and bytes below each path with a limit, stored as text in separate znodes. The usage is updated in
 * place, without a new version and without an event.
 *
 * @see org.apache.zookeeper.StatsTrack
 */
export class Quotas {
  readonly #znodes: ReadonlyMap<string, Znode>;
  /** Paths that have limits. */
  readonly #limited: Set<string> = new Set();

  constructor(znodes: ReadonlyMap<string, Znode>) {
    this.#znodes = znodes;
  }

  /** Registers the path's limits if the znode sets limits. */
  noteLimit(path: string): void {
    if (path.startsWith(QUOTA_PATH) && nameOf(path) === LIMIT_NODE) this.#limited.add(subjectOf(path));
  }

  /** Counts a new znode. */
  created(path: string, znode: Znode): void {
    if (path.startsWith(QUOTA_PATH)) {
      this.noteLimit(path);
      if (nameOf(path) === STAT_NODE) this.#count(subjectOf(path), znode);
    }
    this.grew(path, znode.data?.length ?? 0, 1);
  }

  /** Subtracts a deleted znode. */
  deleted(path: string, znode: Znode): void {
    if (path.startsWith(QUOTA_PATH) && nameOf(path) === LIMIT_NODE) this.#limited.delete(subjectOf(path));
    this.grew(path, -(znode.data?.length ?? 0), -1);
  }

  /** Adds a difference to the usage of the nearest limit. */
  grew(path: string, bytes: number, count: number): void {
    if (this.#limited.size === 0) return;
    const znode = this.#statNode(this.#nearestLimit(path));
    if (znode?.data === undefined || znode.data === null) return;
    const figures = parse(znode.data);
    znode.data = Buffer.from(`count=${figures.count + count},bytes=${figures.bytes + bytes}`);
  }

  /** Whether a hard limit forbids the growth. */
  forbids(path: string, bytes: number, count: number): boolean {
    if (this.#limited.size === 0) return false;
    const subject = this.#nearestLimit(path);
    const limits = subject === undefined ? null : this.#znodes.get(`${QUOTA_PATH}${subject}/${LIMIT_NODE}`)?.data;
    const used = this.#statNode(subject)?.data;
    if (!limits || !used) return false;
    const { countHardLimit, byteHardLimit } = parse(limits);
    const figures = parse(used);
    if (count !== 0 && countHardLimit > -1 && figures.count + count > countHardLimit) return true;
    return bytes !== 0 && byteHardLimit > -1 && figures.bytes + bytes > byteHardLimit;
  }

  #statNode(subject: string | undefined): Znode | undefined {
    return subject === undefined ? undefined : this.#znodes.get(`${QUOTA_PATH}${subject}/${STAT_NODE}`);
  }

  /** Returns the deepest path with a limit, at or above this path; the root's limit does not count. */
  #nearestLimit(path: string): string | undefined {
    for (let at = path; at.length > 1; at = at.slice(0, at.lastIndexOf('/'))) if (this.#limited.has(at)) return at;
    return undefined;
  }

  /** Counts the existing znodes when the usage znode is created. */
  #count(subject: string, books: Znode): void {
    let [count, bytes] = [0, 0];
    for (const [path, znode] of this.#znodes) {
      if (path !== subject && !path.startsWith(`${subject}/`)) continue;
      count += 1;
      bytes += znode.data?.length ?? 0;
    }
    books.data = Buffer.from(`count=${count},bytes=${bytes}`);
  }
}

/** Returns the path to which a znode of the quota subtree belongs. */
function subjectOf(path: string): string {
  return path.slice(QUOTA_PATH.length, path.lastIndexOf('/'));
}

function parse(data: Buffer): Figures {
  const figures = { count: -1, bytes: -1, countHardLimit: -1, byteHardLimit: -1 };
  for (const pair of data.toString('utf8').split(/[,;]+/)) {
    const [name, value] = pair.split('=');
    const number = Number(value);
    if (name !== undefined && name in figures && value && Number.isInteger(number)) {
      figures[name as keyof Figures] = number;
    }
  }
  return figures;
}
