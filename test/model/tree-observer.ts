import type { TestServer } from '@zk-recipes/test-server';
import type { Presence } from './history.js';

/** An ephemeral znode below the observed path. */
export interface SeenZnode extends Presence {
  /** Name without protection and number, e.g. `lock-` or `2-lock-`. */
  readonly marker: string;
  /** Number in the line; of a lease, that of the place by which it was had: `NaN` where that was not seen. */
  readonly number: number;
  readonly isLease: boolean;
  readonly czxid: bigint;
  readonly owner: bigint;
}

interface Znode {
  readonly path: string;
  readonly czxid: bigint;
  readonly owner: bigint;
}

/**
 * Sees which znodes come and go on a server, from inside: it looks whenever a request arrives, before that is executed, and when it is
 * told to. So between two looks there is at most one request, and nothing that clients suffer keeps anything from it.
 */
export class TreeObserver {
  /** All znodes ever, by path. */
  readonly seen: ReadonlyMap<string, SeenZnode>;
  readonly #seen: Map<string, { -readonly [Key in keyof SeenZnode]: SeenZnode[Key] }> = new Map();
  readonly #server: TestServer;
  readonly #root: string;
  readonly #tick: () => number;
  readonly #before: () => void;

  /**
   * @param tick the next moment of the history
   * @param before called before each look
   */
  constructor(server: TestServer, root: string, tick: () => number, before: () => void) {
    this.seen = this.#seen;
    this.#server = server;
    this.#root = root;
    this.#tick = tick;
    this.#before = before;
  }

  /** The znodes that stand now. */
  get standing(): SeenZnode[] {
    return [...this.#seen.values()].filter(({ to }) => to === Number.POSITIVE_INFINITY);
  }

  /** Transactions of which at least one znode is gone. */
  get crippled(): Set<bigint> {
    const gone = [...this.#seen.values()].filter(({ to }) => to !== Number.POSITIVE_INFINITY);
    return new Set(gone.map(({ czxid }) => czxid));
  }

  /** Looks. */
  look(): void {
    this.#before();
    const now = new Map(this.#ephemerals().map((znode) => [znode.path, znode]));
    const gone = this.standing.filter(({ path }) => !now.has(path));
    for (const { path } of gone) (this.#seen.get(path) as { to: number }).to = this.#tick();
    for (const znode of now.values()) if (!this.#seen.has(znode.path)) this.#add(znode, gone);
  }

  /** All znodes that came together with one: the leases of one acquisition, the places in several lines. */
  togetherWith(path: string): SeenZnode[] {
    const one = this.#seen.get(path);
    if (one === undefined) return [];
    return [...this.#seen.values()].filter(({ czxid }) => czxid === one.czxid);
  }

  #add({ path, czxid, owner }: Znode, gone: readonly SeenZnode[]): void {
    const [, directory = '', name = ''] = /^(.*)\/([^/]+)$/.exec(path) ?? [];
    const [, line = '', part] = /^(.*?)(?:\/(locks|leases))?$/.exec(directory) ?? [];
    const isLease = part === 'leases';
    // Whoever takes leases leaves the line by the same transaction.
    const places = gone.filter((place) => place.line === line && place.owner === owner && !place.isLease);
    const number = isLease ? (places.length === 1 ? (places[0] as SeenZnode).number : Number.NaN) : numberOf(name);
    const marker = name.replace(/^_c_[0-9a-f-]{36}-/, '').replace(/\d{10}$/, '');
    const from = this.#tick();
    this.#seen.set(path, { path, line, marker, number, isLease, czxid, owner, from, to: Number.POSITIVE_INFINITY });
  }

  #ephemerals(): Znode[] {
    return this.#server
      .dump(this.#root)
      .filter(({ stat }) => stat.ephemeralOwner !== 0n)
      .map(({ path, stat }) => ({ path, czxid: stat.czxid, owner: stat.ephemeralOwner }));
  }
}

function numberOf(name: string): number {
  return Number(/\d{10}$/.exec(name)?.[0] ?? Number.NaN);
}
