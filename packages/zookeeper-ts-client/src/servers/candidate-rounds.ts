import { type Candidate, formatCandidate } from './candidate.js';
import type { ServerAddress } from './connect-string.js';
import type { HostProvider } from './host-provider.js';
import type { Resolver } from './resolver.js';
import { shuffled } from './shuffle.js';

/**
 * Rounds over all addresses of all servers. Each round starts with the look-ups of all names. The {@link HostProvider} gives the order of
 * the servers. The addresses of a server follow each other in random order. A server whose look-up is slow is left out until the look-up
 * has an answer, unless the server has a last good answer.
 */
export class CandidateRounds {
  readonly #provider: HostProvider;
  readonly #resolver: Resolver;
  readonly #random: () => number;
  /** The servers of the current round; `null` between rounds. */
  #order: readonly ServerAddress[] | null = null;
  /**
   * The list of servers from which the order was made. With another list, a new round begins, in which tried candidates still count as
   * tried.
   */
  #list: readonly ServerAddress[] | null = null;
  /** The formatted candidates that were tried in this round, or the one candidate that was connected before the round. */
  readonly #tried = new Set<string>();

  constructor(provider: HostProvider, resolver: Resolver, random: () => number) {
    this.#provider = provider;
    this.#resolver = resolver;
    this.#random = random;
  }

  /** Number of known addresses of all servers; a server without a known address counts as 1. */
  get size(): number {
    return this.#provider.servers.reduce((sum, server) => sum + Math.max(1, this.#addressesOf(server).length), 0);
  }

  /**
   * Returns the next candidate, `'unresolved'` when the caller must wait for look-ups with {@link onceChanged}, or `'over'` at the end of a
   * round. The call after `'over'` begins the next round.
   */
  next(): Candidate | 'unresolved' | 'over' {
    if (this.#order === null || this.#list !== this.#provider.servers) {
      this.#list = this.#provider.servers;
      this.#order = this.#provider.round();
      this.#resolver.refresh(this.#order);
    }
    for (const server of this.#order) {
      // Without this wait, the speed of DNS would decide the order of the servers and make the load uneven.
      if (this.#resolver.isSettling(server)) return 'unresolved';
      const candidate = this.#untried(server);
      if (candidate === undefined) continue;
      this.#tried.add(formatCandidate(candidate));
      this.#provider.tried(server);
      return candidate;
    }
    const isAnyKnown = this.#order.some((server) => this.#addressesOf(server).length > 0);
    if (!isAnyKnown && this.#order.some((server) => this.#resolver.isPending(server))) return 'unresolved';
    this.restart();
    return 'over';
  }

  /**
   * Calls back once when {@link next} may give another result than `'unresolved'`.
   *
   * @returns a function that cancels the call
   */
  onceChanged(callback: () => void): () => void {
    return this.#resolver.onceChanged(callback);
  }

  /**
   * Ends the round, so that the next call of {@link next} begins a new round.
   *
   * @param tried a candidate that counts as tried in the new round
   */
  restart(tried?: Candidate): void {
    this.#order = null;
    this.#tried.clear();
    if (tried !== undefined) this.#tried.add(formatCandidate(tried));
  }

  #untried(server: ServerAddress): Candidate | undefined {
    const candidates = this.#addressesOf(server).map((address) => ({ ...server, address }));
    const untried = candidates.filter((candidate) => !this.#tried.has(formatCandidate(candidate)));
    return shuffled(untried, this.#random)[0];
  }

  #addressesOf(server: ServerAddress): readonly string[] {
    return this.#resolver.addressesOf(server);
  }
}
