import type { ServerAddress } from './connect-string.js';

/** The next server to try. */
export interface Candidate {
  readonly server: ServerAddress;
  /** Whether every server has been tried since the last success, so that it is time for a pause. */
  readonly wentRound: boolean;
}

/** Probabilities with which a client on the move takes one of the new or of the old servers. */
interface Move {
  readonly newServers: ServerAddress[];
  readonly oldServers: ServerAddress[];
  readonly pNew: number;
}

/**
 * Decides which server is tried next: shuffled once, then round robin. Pure but for the injected randomness.
 *
 * @see org.apache.zookeeper.client.StaticHostProvider, ZOOKEEPER-1355 for the rebalancing
 */
export class HostProvider {
  readonly #random: () => number;
  #servers: ServerAddress[];
  #index = -1;
  #lastIndex = -1;
  #move: Move | null = null;
  #started = false;

  constructor(servers: readonly ServerAddress[], random: () => number = Math.random) {
    if (servers.length === 0) throw new TypeError('Expected at least one server, got an empty list');
    this.#random = random;
    this.#servers = this.#shuffled(servers);
  }

  get size(): number {
    return this.#servers.length;
  }

  /** All servers in the order in which they are tried. */
  get servers(): readonly ServerAddress[] {
    return this.#servers;
  }

  next(): Candidate {
    const moving = this.#nextOfMove();
    if (moving !== null) return { server: moving, wentRound: false };
    this.#index = (this.#index + 1) % this.#servers.length;
    const wentRound = this.#started && this.#index === Math.max(this.#lastIndex, 0);
    this.#started = true;
    return { server: this.#at(this.#index), wentRound };
  }

  /** To be called when a server has accepted the session and proved useful. */
  connected(server: ServerAddress): void {
    this.#move = null;
    const index = this.#servers.findIndex((other) => sameServer(other, server));
    if (index >= 0) this.#index = index;
    this.#lastIndex = this.#index;
    this.#started = true;
  }

  /**
   * Replaces the list. Clients move with the probability that leaves the same load on every server.
   *
   * @param current the server now connected to, `null` when there is none
   * @returns whether the connection is to be given up for another server
   */
  update(servers: readonly ServerAddress[], current: ServerAddress | null): boolean {
    if (servers.length === 0) throw new TypeError('Expected at least one server, got an empty list');
    const previous = this.#servers;
    const mine = current ?? previous[Math.max(this.#lastIndex, 0)] ?? null;
    const oldServers = servers.filter((server) => previous.some((other) => sameServer(other, server)));
    const newServers = servers.filter((server) => !oldServers.includes(server));
    const mineStays = mine !== null && servers.some((server) => sameServer(server, mine));
    const pNew = this.#probabilityOfNew(previous.length, oldServers.length, newServers.length, mineStays);

    this.#servers = this.#shuffled(servers);
    this.#index = mine === null ? -1 : this.#servers.findIndex((server) => sameServer(server, mine));
    this.#lastIndex = this.#index;
    this.#move =
      pNew === null ? null : { oldServers: this.#shuffled(oldServers), newServers: this.#shuffled(newServers), pNew };
    return this.#move !== null;
  }

  /** `null` when the client should stay where it is. */
  #probabilityOfNew(size: number, old: number, added: number, mineStays: boolean): number | null {
    const total = old + added;
    if (total > size) {
      if (mineStays && this.#random() >= 1 - size / total) return null;
      return 1;
    }
    if (mineStays) return null;
    return size === old ? 1 : 1 - (old * (size - total)) / (total * (size - old));
  }

  #nextOfMove(): ServerAddress | null {
    const move = this.#move;
    if (move === null) return null;
    const preferNew = this.#random() < move.pNew;
    const first = preferNew ? move.newServers : move.oldServers;
    const second = preferNew ? move.oldServers : move.newServers;
    const server = first.shift() ?? second.shift() ?? null;
    if (server === null) this.#move = null;
    return server;
  }

  #at(index: number): ServerAddress {
    const server = this.#servers[index];
    if (server === undefined) throw new RangeError(`No server ${index} among ${this.#servers.length}`);
    return server;
  }

  #shuffled(servers: readonly ServerAddress[]): ServerAddress[] {
    const shuffled = [...servers];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = Math.floor(this.#random() * (i + 1));
      [shuffled[i], shuffled[j]] = [shuffled[j] as ServerAddress, shuffled[i] as ServerAddress];
    }
    return shuffled;
  }
}

function sameServer(a: ServerAddress, b: ServerAddress): boolean {
  return a.host === b.host && a.port === b.port;
}
