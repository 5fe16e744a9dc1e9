import type { DumpedZnode, TestServer } from '@zk-recipes/test-server';

/** One znode of a double barrier, in the server's own time. */
interface Life {
  readonly name: string;
  /** What it holds: whose member it is. */
  readonly id: string;
  readonly bornAt: bigint;
  /** A transaction by which it was gone; `null` as long as it stands. */
  goneBy: bigint | null;
}

/**
 * What happens to a double barrier on a test server in this process: looked at before each request, and so after each change. By it one
 * can say whether somebody who has passed may have done so.
 */
export class RoundHistory {
  readonly #server: TestServer;
  readonly #path: string;
  readonly #members: number;
  readonly #lives = new Map<bigint, Life>();

  constructor(server: TestServer, path: string, members: number) {
    this.#server = server;
    this.#path = path;
    this.#members = members;
    server.faults.onRequest(() => this.look());
  }

  look(): void {
    const all = this.#server.dump(this.#path);
    const znodes = all.filter(({ path }) => path !== this.#path);
    // The newest change of the list.
    const by = all.find(({ path }) => path === this.#path)?.stat.pzxid ?? 0n;
    for (const znode of znodes) if (!this.#lives.has(znode.stat.czxid)) this.#lives.set(znode.stat.czxid, born(znode));
    const standing = new Set(znodes.map(({ stat }) => stat.czxid));
    for (const life of this.#lives.values()) if (life.goneBy === null && !standing.has(life.bornAt)) life.goneBy = by;
  }

  /** Openings of the barrier without one who stood there, and had seen enough of them stand there at once. */
  get wrongOpenings(): string[] {
    return this.#openings
      .filter((opening) => !this.#openers(opening).some((one) => this.#mostBetween(one, opening) >= this.#members))
      .map((opening) => `opened at ${opening.bornAt} by ${this.#openers(opening).map(({ id }) => id)}`);
  }

  /**
   * Notes that somebody has entered.
   *
   * @returns what is wrong with that, if anything is; and with whom it has entered
   */
  entered(id: string): { readonly wrong: string | null; readonly round: readonly Life[] } {
    this.look();
    const own = this.#livesOf(id).at(-1);
    if (own === undefined) return { wrong: `${id} entered without a member`, round: [] };
    for (const opening of this.#openings.toReversed()) {
      const openers = this.#openers(opening);
      // In time; or late, while one of them stood there.
      const mayPass =
        own.bornAt < opening.bornAt ? openers.includes(own) : openers.some((one) => stoodAt(one, own.bornAt));
      if (mayPass) return { wrong: null, round: openers };
    }
    return { wrong: `${id} entered as ${own.bornAt}, and nothing had opened`, round: [] };
  }

  /** Who of a round still stands when somebody has left. */
  left(id: string, round: readonly Life[]): string | null {
    this.look();
    const others = round.filter((one) => one.id !== id && one.goneBy === null);
    return others.length === 0 ? null : `${id} left before ${others.map((one) => one.id)}`;
  }

  /** Whose members stand now. */
  get standing(): string[] {
    this.look();
    return [...this.#lives.values()]
      .filter(({ name, goneBy }) => name !== 'ready' && goneBy === null)
      .map(({ id }) => id);
  }

  get #openings(): Life[] {
    return [...this.#lives.values()].filter(({ name }) => name === 'ready');
  }

  #openers(opening: Life): Life[] {
    return [...this.#lives.values()].filter(
      (one) => one.name !== 'ready' && one.bornAt < opening.bornAt && stoodAt(one, opening.bornAt),
    );
  }

  /** How many members stood at once, at most, since one of them was born. */
  #mostBetween(first: Life, opening: Life): number {
    const members = [...this.#lives.values()].filter(({ name }) => name !== 'ready');
    const moments = members.map(({ bornAt }) => bornAt).filter((at) => at >= first.bornAt && at < opening.bornAt);
    const standing = moments.map((at) => members.filter((one) => one.bornAt <= at && stoodAt(one, at)).length);
    return Math.max(0, ...standing);
  }

  #livesOf(id: string): Life[] {
    return [...this.#lives.values()].filter((one) => one.name !== 'ready' && one.id === id);
  }
}

/** Whether a znode may have stood there at a transaction. */
function stoodAt({ goneBy }: Life, zxid: bigint): boolean {
  return goneBy === null || goneBy > zxid;
}

function born({ path, data, stat }: DumpedZnode): Life {
  return { name: path.slice(path.lastIndexOf('/') + 1), id: String(data), bornAt: stat.czxid, goneBy: null };
}
