import type { Candidate } from '../servers/candidate.js';
import type { CandidateRounds } from '../servers/candidate-rounds.js';
import { probeReadWrite } from '../transport/isro-probe.js';
import type { OpenTransport, Transport } from '../transport/transport.js';
import type { Clock } from './clock.js';

const FIRST_INTERVAL_MS = 100;
const LAST_INTERVAL_MS = 60_000;
const ANSWER_MS = 1000;

/**
 * Search for a server that takes writes, while the session is on a read-only server. The search asks one address at a time, at growing
 * intervals.
 */
export class ReadWriteSearch {
  readonly #open: OpenTransport;
  readonly #clock: Clock;
  readonly #candidates: CandidateRounds;
  readonly #found: (candidate: Candidate) => void;
  #intervalMs = FIRST_INTERVAL_MS;
  #cancel: (() => void) | null = null;
  #probe: Transport | null = null;

  constructor(open: OpenTransport, clock: Clock, candidates: CandidateRounds, found: (candidate: Candidate) => void) {
    this.#open = open;
    this.#clock = clock;
    this.#candidates = candidates;
    this.#found = found;
  }

  start(): void {
    this.stop();
    this.#intervalMs = FIRST_INTERVAL_MS;
    this.#schedule();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#probe?.destroy();
    this.#probe = null;
  }

  #schedule(): void {
    this.#cancel = this.#clock.schedule(this.#intervalMs, () => this.#ask());
    this.#intervalMs = Math.min(LAST_INTERVAL_MS, this.#intervalMs * 2);
  }

  #ask(): void {
    let candidate = this.#candidates.next();
    // The next round starts without an extra pause, because the intervals are long enough.
    if (candidate === 'over') candidate = this.#candidates.next();
    if (candidate === 'unresolved') this.#cancel = this.#candidates.onceChanged(() => this.#ask());
    else if (candidate === 'over') this.#schedule();
    else this.#probeOne(candidate);
  }

  #probeOne(candidate: Candidate): void {
    this.#cancel = this.#clock.schedule(ANSWER_MS, () => {
      this.#probe?.destroy();
      this.#probe = null;
      this.#schedule();
    });
    this.#probe = probeReadWrite(this.#open, candidate, (readWrite) => {
      this.stop();
      if (readWrite) this.#found(candidate);
      else this.#schedule();
    });
  }
}
