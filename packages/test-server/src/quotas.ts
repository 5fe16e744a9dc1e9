import type { Znode } from './znode.js';
import { nameOf, QUOTA_PATH } from './znode-path.js';

const LIMIT_NODE = 'zookeeper_limits';
const STAT_NODE = 'zookeeper_stats';

/** Limits or numbers of a quota: `count=5,bytes=-1=;countHardLimit=6`; -1 where there is none. */
type Figures = Readonly<Record<'count' | 'bytes' | 'countHardLimit' | 'byteHardLimit', number>>;

/**
 * The books of quotas: znodes and bytes below each path that has a limit, kept as text in znodes of their own. They
 * are brought up to date in place, with no new version and no event.
 *
 * @see org.apache.zookeeper.StatsTrack
 */
export class Quotas {
  readonly #znodes: ReadonlyMap<string, Znode>;
  /** The paths that have limits. */
  readonly #limited: Set<string> = new Set();

  constructor(znodes: ReadonlyMap<string, Znode>) {
    this.#znodes = znodes;
  }

  /** Takes notice of a znode that sets limits, if this is one. */
  noteLimit(path: string): void {
    if (path.startsWith(QUOTA_PATH) && nameOf(path) === LIMIT_NODE) this.#limited.add(subjectOf(path));
  }

  /** Books a new znode. */
  created(path: string, znode: Znode): void {
    if (path.startsWith(QUOTA_PATH)) {
      this.noteLimit(path);
      if (nameOf(path) === STAT_NODE) this.#count(subjectOf(path), znode);
    }
    this.grew(path, znode.data?.length ?? 0, 1);
  }

  /** Books the end of a znode. */
  deleted(path: string, znode: Znode): void {
    if (path.startsWith(QUOTA_PATH) && nameOf(path) === LIMIT_NODE) this.#limited.delete(subjectOf(path));
    this.grew(path, -(znode.data?.length ?? 0), -1);
  }

  /** Books more, or less, below the nearest limit. */
  grew(path: string, bytes: number, count: number): void {
    if (this.#limited.size === 0) return;
    const znode = this.#statNode(this.#nearestLimit(path));
    if (znode?.data === undefined || znode.data === null) return;
    const figures = parse(znode.data);
    znode.data = Buffer.from(`count=${figures.count + count},bytes=${figures.bytes + bytes}`);
  }

  /** Whether a hard limit forbids it. */
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

  /** The deepest path with a limit, at or above this one; the root's limit does not count. */
  #nearestLimit(path: string): string | undefined {
    for (let at = path; at.length > 1; at = at.slice(0, at.lastIndexOf('/'))) if (this.#limited.has(at)) return at;
    return undefined;
  }

  /** Counts what is there already when the books are opened. */
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

/** The path that a znode of the quota's subtree is about. */
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
