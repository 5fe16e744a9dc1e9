import { DEFAULT_MAX_FRAME_BYTES } from '../protocol/frame.js';
import { EventType } from '../protocol/watcher-event.js';

/** Kinds of watches as a client keeps them, in the order in which they are set again. */
export const WATCH_KINDS = ['data', 'exist', 'child', 'persistent', 'recursive'] as const;

/** A table of watches. */
export type WatchKind = (typeof WATCH_KINDS)[number];

/** Paths of each kind. */
export type WatchedPaths = Readonly<Record<WatchKind, readonly string[]>>;

/** A request that registers a watch and waits for its reply. */
export interface Registration {
  readonly kind: WatchKind;
  readonly path: string;
  /** Whether it is on the wire; until then it may be withdrawn. */
  written: boolean;
}

/** What a request to set watches again has besides its paths: header, zxid, and the lengths of five lists. */
const OVERHEAD_BYTES = 8 + 8 + 5 * 4;

/** Such a request holds at most so many bytes of paths, so that no server finds it too large. ZOOKEEPER-706. */
const CHUNK_BYTES = 64 * 1024 - OVERHEAD_BYTES;

/**
 * Who wants to hear of which znode, in server paths. Pure.
 *
 * A listener stands once in a table however often it registers, and one notification serves all listeners of a path.
 * @see org.apache.zookeeper.ZKWatchManager
 */
export class WatchRegistry<Listener> {
  readonly #tables: Readonly<Record<WatchKind, Map<string, Set<Listener>>>> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
    persistent: new Map(),
    recursive: new Map(),
  };
  /** Registrations that wait for their reply: the server may have the watch already. */
  readonly #underWay = new Map<string, Set<Registration>>();

  readonly #chunkBytes: number;

  /** @param maxFrameBytes what a request to set watches again may come to; only a single path may be too long for it */
  constructor(maxFrameBytes: number = DEFAULT_MAX_FRAME_BYTES) {
    this.#chunkBytes = Math.min(CHUNK_BYTES, maxFrameBytes - OVERHEAD_BYTES);
  }

  /** Number of paths in all tables. */
  get size(): number {
    return WATCH_KINDS.reduce((sum, kind) => sum + this.#tables[kind].size, 0);
  }

  add(kind: WatchKind, path: string, listener: Listener): void {
    const table = this.#tables[kind];
    const listeners = table.get(path);
    if (listeners === undefined) table.set(path, new Set([listener]));
    else listeners.add(listener);
  }

  has(kind: WatchKind, path: string): boolean {
    return this.#tables[kind].has(path);
  }

  listeners(kind: WatchKind, path: string): readonly Listener[] {
    return [...(this.#tables[kind].get(path) ?? [])];
  }

  /** Takes all watches of the path out that would stay, and returns who had set them. */
  removeLasting(path: string): ReadonlySet<Listener> {
    return new Set([...this.remove('persistent', path), ...this.remove('recursive', path)]);
  }

  /** Takes a listener out, or all of the path where none is given, and returns those taken out. */
  remove(kind: WatchKind, path: string, listener?: Listener): readonly Listener[] {
    const table = this.#tables[kind];
    const listeners = table.get(path);
    if (listeners === undefined) return [];
    const removed = listener === undefined ? [...listeners] : listeners.has(listener) ? [listener] : [];
    for (const one of removed) listeners.delete(one);
    if (listeners.size === 0) table.delete(path);
    return removed;
  }

  /** A request that registers a watch on the path has been made. */
  begin(kind: WatchKind, path: string): Registration {
    const registration = { kind, path, written: false };
    this.#underWay.set(path, (this.#underWay.get(path) ?? new Set()).add(registration));
    return registration;
  }

  /** Its reply has come, or never will. */
  finish(registration: Registration): void {
    const others = this.#underWay.get(registration.path);
    others?.delete(registration);
    if (others?.size === 0) this.#underWay.delete(registration.path);
  }

  /** Whether a registration waits for its reply, written or not. */
  isUnderWay(path: string): boolean {
    return this.#underWay.has(path);
  }

  /** Whether there is a watch of the kind, or the request for one is on the wire. */
  isSet(kind: WatchKind, path: string): boolean {
    if (this.has(kind, path)) return true;
    return [...(this.#underWay.get(path) ?? [])].some((one) => one.kind === kind && one.written);
  }

  /** Listeners that an event concerns, each once; one-shot watches are used up by it. An unknown type concerns none. */
  fire(type: number, path: string): ReadonlySet<Listener> {
    const concerned = new Set<Listener>();
    const take = (kind: WatchKind): void => {
      const listeners = this.#tables[kind].get(path);
      if (listeners === undefined) return;
      for (const listener of listeners) concerned.add(listener);
      if (kind !== 'persistent') this.#tables[kind].delete(path);
    };
    switch (type) {
      case EventType.NodeChildrenChanged:
        take('child');
        take('persistent');
        break;
      case EventType.NodeCreated:
      case EventType.NodeDataChanged:
      case EventType.NodeDeleted:
        take('data');
        take('exist');
        if (type === EventType.NodeDeleted) take('child');
        take('persistent');
        this.#collectRecursive(path, concerned);
        break;
    }
    return concerned;
  }

  #collectRecursive(path: string, concerned: Set<Listener>): void {
    const table = this.#tables.recursive;
    if (table.size === 0) return;
    for (let ancestor = path; ; ancestor = ancestor.slice(0, Math.max(1, ancestor.lastIndexOf('/')))) {
      for (const listener of table.get(ancestor) ?? []) concerned.add(listener);
      if (ancestor.length <= 1) return;
    }
  }

  /** Every listener there is, each once, and leaves the tables empty. */
  clear(): ReadonlySet<Listener> {
    const all = new Set<Listener>();
    for (const kind of WATCH_KINDS) {
      for (const listeners of this.#tables[kind].values()) for (const listener of listeners) all.add(listener);
      this.#tables[kind].clear();
    }
    return all;
  }

  /** All watched paths, in chunks that fit a request each and go in their order. */
  *chunks(): Generator<WatchedPaths> {
    yield* this.#chunked(WATCH_KINDS.map((kind) => [kind, this.#tables[kind].keys()]));
    // Before 3.9 a recursive watch takes the place of the one for children at the same path, and tells nothing of them.
    const hidden = [...this.#tables.recursive.keys()].filter((path) => this.has('child', path));
    yield* this.#chunked([['child', hidden]]);
  }

  /** The watches of one path, in the same way. */
  chunksOf(path: string): readonly WatchedPaths[] {
    const kinds = WATCH_KINDS.filter((kind) => this.has(kind, path));
    const isHidden = kinds.includes('recursive') && kinds.includes('child');
    const hidden = isHidden ? this.#chunked([['child', [path]]]) : [];
    return [...this.#chunked(kinds.map((kind) => [kind, [path]])), ...hidden];
  }

  *#chunked(pathsOfKinds: readonly (readonly [WatchKind, Iterable<string>])[]): Generator<WatchedPaths> {
    let chunk = emptyChunk();
    let bytes = 0;
    for (const [kind, paths] of pathsOfKinds) {
      for (const path of paths) {
        const pathBytes = 4 + Buffer.byteLength(path);
        if (bytes > 0 && bytes + pathBytes > this.#chunkBytes) {
          yield chunk;
          chunk = emptyChunk();
          bytes = 0;
        }
        chunk[kind].push(path);
        bytes += pathBytes;
      }
    }
    if (bytes > 0) yield chunk;
  }
}

function emptyChunk(): Record<WatchKind, string[]> {
  return { data: [], exist: [], child: [], persistent: [], recursive: [] };
}
