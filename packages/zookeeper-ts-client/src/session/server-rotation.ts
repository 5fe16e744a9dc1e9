import type { LookupFunction } from 'node:net';
import type { Candidate } from '../servers/candidate.js';
import { CandidateRounds } from '../servers/candidate-rounds.js';
import type { ServerAddress } from '../servers/connect-string.js';
import { HostProvider } from '../servers/host-provider.js';
import { Resolver } from '../servers/resolver.js';
import type { Clock } from './clock.js';
import { type ReconnectDelays, reconnectDelayMs } from './reconnect-policy.js';

/** Options of a server rotation; pauses in milliseconds. */
export interface RotationOptions {
  readonly clock: Clock;
  readonly lookup: LookupFunction;
  readonly random: () => number;
  readonly reconnect: ReconnectDelays;
}

/** Decides which address a session tries next, and when: without a pause within a round, with a growing pause between rounds. */
export class ServerRotation {
  readonly #provider: HostProvider;
  readonly #resolver: Resolver;
  readonly #candidates: CandidateRounds;
  readonly #options: RotationOptions;
  /** Number of rounds that have ended since a server proved useful. */
  #rounds = 0;
  #preferred: Candidate | null = null;
  /** The server that has accepted the session and has not proved useful yet. */
  #onTrial: Candidate | null = null;
  #cancelNext: () => void = () => {};

  /** @param onLookupFailed is called for each server whose name could not be resolved */
  constructor(
    servers: readonly ServerAddress[],
    options: RotationOptions,
    onLookupFailed: (server: ServerAddress, cause: Error) => void,
  ) {
    this.#options = options;
    this.#provider = new HostProvider(servers, options.random);
    this.#resolver = new Resolver(options.lookup, options.clock, onLookupFailed);
    this.#candidates = this.otherRounds();
  }

  /** Number of known addresses of all servers; a server without a known address counts as 1. */
  get size(): number {
    return this.#candidates.size;
  }

  /**
   * Returns rounds over the same servers with the same look-ups, independent of this rotation, for the search of a server that takes
   * writes.
   */
  otherRounds(): CandidateRounds {
    return new CandidateRounds(this.#provider, this.#resolver, this.#options.random);
  }

  /** Makes this candidate the next one. */
  prefer(candidate: Candidate): void {
    this.#preferred = candidate;
  }

  /**
   * Calls back with the next candidate when it is time to try the candidate: after the pause between rounds and after the look-ups that
   * must finish first. Never calls back before this method has returned, after {@link cancel}, or after another call of this method.
   */
  next(ready: (candidate: Candidate) => void): void {
    this.cancel();
    this.#onTrial = null;
    const { clock } = this.#options;
    let isCancelled = false;
    const proceed = (): void => {
      const next = this.#take();
      // Taking a candidate may report a failed look-up, and the listener may then have closed the session.
      if (isCancelled) return;
      if (next === 'over') cancelWait = clock.schedule(this.#pauseMs(), proceed);
      else if (next === 'unresolved') cancelWait = this.#candidates.onceChanged(proceed);
      else ready(next);
    };
    let cancelWait = clock.schedule(0, proceed);
    this.#cancelNext = (): void => {
      isCancelled = true;
      cancelWait();
    };
  }

  /** Cancels the callback that {@link next} has scheduled. */
  cancel(): void {
    this.#cancelNext();
  }

  /**
   * Notes that a server has accepted the session. Some servers accept a session and close the connection at once, so the server counts as
   * tried until {@link proved}.
   */
  accepted(candidate: Candidate): void {
    this.#onTrial = candidate;
  }

  /** Notes that the server that accepted the session has answered a request without an error, or has stayed connected for a while. */
  proved(): void {
    if (this.#onTrial === null) return;
    this.#rounds = 0;
    this.#provider.connected(this.#onTrial);
    // When this connection is lost, all other addresses come before the address of this server.
    this.#candidates.restart(this.#onTrial);
    this.#onTrial = null;
  }

  /**
   * Replaces the list of servers.
   *
   * @param current the server of the current connection; `null` when there is no connection
   * @returns whether the client should give up its connection for another server
   */
  update(servers: readonly ServerAddress[], current: ServerAddress | null): boolean {
    const moves = this.#provider.update(servers, current);
    this.#resolver.wake();
    return moves;
  }

  #take(): Candidate | 'unresolved' | 'over' {
    const preferred = this.#preferred;
    this.#preferred = null;
    return preferred ?? this.#candidates.next();
  }

  #pauseMs(): number {
    this.#rounds++;
    return reconnectDelayMs(this.#options.reconnect, this.#rounds, this.#options.random);
  }
}
