import type { ServerAddress } from './connect-string.js';
import { shuffled } from './shuffle.js';

/** The new and old servers between which a moving client chooses; `pNew` is the probability of a new server. */
interface Move {
  readonly newServers: ServerAddress[];
  readonly oldServers: ServerAddress[];
  readonly pNew: number;
}

/**
 * The order in which the client tries servers: shuffled once, then round robin. Pure, except for the injected randomness. Servers are
 * entries of the connect string; `CandidateRounds` handles their addresses.
 *
 * @see org.apache.zookeeper.client.StaticHostProvider, ZOOKEEPER-1355 for the rebalancing
 */
export class HostProvider {
  readonly #random: () => number;
  #servers: readonly ServerAddress[];
  /** Position of the server that the client tried last. */
  #index = -1;
  #lastConnected: ServerAddress | null = null;
  #move: Move | null = null;

  constructor(servers: readonly ServerAddress[], random: () => number = Math.random) {
    if (servers.length === 0) throw new TypeError('Expected at least one server, got an empty list');
    this.#random = random;
    this.#servers = shuffled(servers, random);
  }

  /** All servers; a new array after each {@link update}. */
  get servers(): readonly ServerAddress[] {
    return this.#servers;
  }

  /**
   * Returns all servers in the order in which the next round tries them. The round starts after the server that was tried last. After an
   * {@link update} that moves the client, the round mixes new and old servers instead.
   */
  round(): readonly ServerAddress[] {
    const move = this.#move;
    this.#move = null;
    if (move !== null) return this.#orderOf(move);
    const start = this.#index + 1;
    return [...this.#servers.slice(start), ...this.#servers.slice(0, start)];
  }

  /** Notes that the client has tried a server. */
  tried(server: ServerAddress): void {
    const index = this.#servers.findIndex((other) => sameServer(other, server));
    if (index >= 0) this.#index = index;
  }

  /** Notes that a server has accepted the session and proved useful. */
  connected(server: ServerAddress): void {
    this.#move = null;
    this.#lastConnected = server;
    this.tried(server);
  }

  /**
   * Replaces the list of servers. The client moves with the probability that leaves the same load on every server.
   *
   * @param current the server of the current connection; `null` when there is no connection
   * @returns whether the client should give up its connection for another server
   * @throws {TypeError} when the list is empty
   */
  update(servers: readonly ServerAddress[], current: ServerAddress | null): boolean {
    if (servers.length === 0) throw new TypeError('Expected at least one server, got an empty list');
    const previous = this.#servers;
    const mine = current ?? this.#lastConnected ?? previous[0] ?? null;
    const oldServers = servers.filter((server) => previous.some((other) => sameServer(other, server)));
    const newServers = servers.filter((server) => !oldServers.includes(server));
    const mineStays = mine !== null && servers.some((server) => sameServer(server, mine));
    const pNew = this.#probabilityOfNew(previous.length, oldServers.length, newServers.length, mineStays);

    this.#servers = shuffled(servers, this.#random);
    this.#index = mine === null ? -1 : this.#servers.findIndex((server) => sameServer(server, mine));
    this.#lastConnected = mineStays ? mine : null;
    this.#move =
      pNew === null
        ? null
        : { oldServers: shuffled(oldServers, this.#random), newServers: shuffled(newServers, this.#random), pNew };
    return this.#move !== null;
  }

  /** Returns the probability of a move to a new server; `null` when the client should keep its server. */
  #probabilityOfNew(size: number, old: number, added: number, mineStays: boolean): number | null {
    const total = old + added;
    if (total > size) {
      if (mineStays && this.#random() >= 1 - size / total) return null;
      return 1;
    }
    if (mineStays) return null;
    return size === old ? 1 : 1 - (old * (size - total)) / (total * (size - old));
  }

  #orderOf({ newServers, oldServers, pNew }: Move): ServerAddress[] {
    const order: ServerAddress[] = [];
    while (newServers.length + oldServers.length > 0) {
      const preferNew = this.#random() < pNew;
      const server = (preferNew ? newServers : oldServers).shift() ?? (preferNew ? oldServers : newServers).shift();
      if (server !== undefined) order.push(server);
    }
    return order;
  }
}

function sameServer(a: ServerAddress, b: ServerAddress): boolean {
  return a.host === b.host && a.port === b.port;
}
