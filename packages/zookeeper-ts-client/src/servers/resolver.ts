import { ADDRCONFIG, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import type { ServerAddress } from './connect-string.js';

/** Milliseconds after which a look-up without an answer has failed. */
const LIMIT_MS = 10_000;
/** Age in milliseconds below which the client waits for a pending look-up instead of trying the next server. */
const SLOW_MS = 250;
/** Options that ask for all addresses of both families. A family without an interface is left out, as `net.connect` does where it can. */
const LOOKUP_OPTIONS = { all: true, hints: process.platform === 'win32' ? 0 : ADDRCONFIG };

/**
 * The last good answers of each look-up function by host name. A new session of a program starts with the answers that the session before
 * had.
 */
const lastAnswers = new WeakMap<LookupFunction, Map<string, readonly string[]>>();

/** The part of a clock that a resolver needs. All times are in milliseconds; `now` is monotonic. */
export interface ResolverClock {
  now(): number;
  /** Calls back after a delay; the returned function cancels the call. */
  schedule(delayMs: number, callback: () => void): () => void;
}

interface PendingLookup {
  readonly startedAtMs: number;
}

/** The state of one host name. */
interface KnownName {
  /** The last good answer; empty before the first good answer. */
  addresses: readonly string[];
  /** Start time of the look-up that gave the last good answer. */
  answeredLookupMs: number;
  pending: PendingLookup | null;
}

/**
 * The addresses of the servers' names. Hosts that are IP addresses need no look-up. A name has at most one pending look-up, whose limit is
 * 10 s. A name keeps its last good answer when a later look-up fails.
 */
export class Resolver {
  readonly #lookup: LookupFunction;
  readonly #clock: ResolverClock;
  readonly #onFailed: (server: ServerAddress, cause: Error) => void;
  readonly #names = new Map<string, KnownName>();
  readonly #lastAnswers: Map<string, readonly string[]>;
  readonly #waiting = new Set<() => void>();
  #servers: readonly ServerAddress[] = [];

  /** @param onFailed is called for each server whose look-up failed */
  constructor(lookup: LookupFunction, clock: ResolverClock, onFailed: (server: ServerAddress, cause: Error) => void) {
    this.#lookup = lookup;
    this.#clock = clock;
    this.#onFailed = onFailed;
    this.#lastAnswers = lastAnswers.get(lookup) ?? new Map();
    lastAnswers.set(lookup, this.#lastAnswers);
  }

  /** Starts the look-ups of all names at once, except for names with a pending look-up, and forgets all other names. */
  refresh(servers: readonly ServerAddress[]): void {
    this.#servers = servers;
    const hosts = new Set(servers.map(({ host }) => host).filter((host) => isIP(host) === 0));
    for (const host of this.#names.keys()) if (!hosts.has(host)) this.#names.delete(host);
    this.#failOverdue();
    for (const host of hosts) {
      const name = this.#names.get(host) ?? {
        addresses: this.#lastAnswers.get(host) ?? [],
        answeredLookupMs: Number.NEGATIVE_INFINITY,
        pending: null,
      };
      this.#names.set(host, name);
      if (name.pending === null) this.#start(host, name);
    }
  }

  /** Returns the addresses of the last good answer; an empty list when there has been none. */
  addressesOf({ host }: ServerAddress): readonly string[] {
    return isIP(host) === 0 ? (this.#names.get(host)?.addresses ?? []) : [host];
  }

  /** Whether a look-up of this server's name is pending. */
  isPending({ host }: ServerAddress): boolean {
    return (this.#names.get(host)?.pending ?? null) !== null;
  }

  /** Whether a look-up of this server's name is pending and not slow yet. */
  isSettling({ host }: ServerAddress): boolean {
    const pending = this.#names.get(host)?.pending ?? null;
    return pending !== null && this.#clock.now() - pending.startedAtMs < SLOW_MS;
  }

  /**
   * Calls back once: when a look-up succeeds, fails or becomes slow, or when {@link wake} is called. Callers use this method only while a
   * look-up is pending.
   *
   * @returns a function that cancels the call
   */
  onceChanged(callback: () => void): () => void {
    const stop = (): void => {
      cancelTimer();
      this.#waiting.delete(proceed);
    };
    const proceed = (): void => {
      stop();
      callback();
    };
    const cancelTimer = this.#clock.schedule(this.#untilNextThresholdMs(), () => {
      this.#failOverdue();
      // `#failOverdue` has already called back if it found a failed look-up.
      if (this.#waiting.has(proceed)) proceed();
    });
    this.#waiting.add(proceed);
    return stop;
  }

  /** Runs all waiting callbacks, because the list of servers or the state of a look-up has changed. */
  wake(): void {
    for (const proceed of [...this.#waiting]) proceed();
  }

  #start(host: string, name: KnownName): void {
    const lookup: PendingLookup = { startedAtMs: this.#clock.now() };
    name.pending = lookup;
    try {
      this.#lookup(host, LOOKUP_OPTIONS, (error, found) => {
        if (error) this.#failed(host, name, lookup, error);
        else this.#succeeded(host, name, lookup, found);
      });
    } catch (error) {
      this.#failed(host, name, lookup, error instanceof Error ? error : new Error(String(error)));
    }
  }

  /**
   * Stores the answer of a look-up. A late answer counts too, unless a later look-up has been answered: with slow DNS, no other answer may
   * ever come.
   */
  #succeeded(host: string, name: KnownName, lookup: PendingLookup, found: string | readonly LookupAddress[]): void {
    const addresses = typeof found === 'string' ? [found] : found.map(({ address }) => address);
    if (addresses.length === 0) {
      this.#failed(host, name, lookup, new Error('expected at least one address, got none'));
      return;
    }
    if (name.pending === lookup) name.pending = null;
    if (lookup.startedAtMs < name.answeredLookupMs) return;
    name.addresses = [...new Set(addresses)];
    this.#lastAnswers.set(host, name.addresses);
    name.answeredLookupMs = lookup.startedAtMs;
    this.wake();
  }

  #failed(host: string, name: KnownName, lookup: PendingLookup, error: Error): void {
    // A look-up past its limit was already reported as failed.
    if (name.pending !== lookup) return;
    name.pending = null;
    this.#report(host, error);
    this.wake();
  }

  #failOverdue(): void {
    const nowMs = this.#clock.now();
    const overdue = [...this.#names].filter(
      ([, { pending }]) => pending !== null && nowMs - pending.startedAtMs >= LIMIT_MS,
    );
    if (overdue.length === 0) return;
    for (const [, name] of overdue) name.pending = null;
    for (const [host] of overdue) this.#report(host, new Error(`expected an answer within ${LIMIT_MS} ms, got none`));
    this.wake();
  }

  #report(host: string, cause: Error): void {
    const failure = new Error(`the look-up of ${host} failed: ${cause.message}`, { cause });
    for (const server of this.#servers) if (server.host === host) this.#onFailed(server, failure);
  }

  /** Returns the milliseconds until the next pending look-up becomes slow or reaches its limit. */
  #untilNextThresholdMs(): number {
    const nowMs = this.#clock.now();
    const waits = [...this.#names.values()].flatMap(({ pending }) => {
      if (pending === null) return [];
      const ageMs = nowMs - pending.startedAtMs;
      return Math.max(0, (ageMs < SLOW_MS ? SLOW_MS : LIMIT_MS) - ageMs);
    });
    return Math.min(LIMIT_MS, ...waits);
  }
}
