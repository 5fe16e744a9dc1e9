import { matches, type RequestMatch, type WireRequest } from './wire-request.js';

/** A fault that a test set. */
export interface FaultOptions {
  /** The requests it is for: an operation code, or a test of the request. */
  readonly op: RequestMatch;
  /** Which of them, counted from now; 1, the default, is the next. */
  readonly nth?: number;
}

/** What is to happen to a request: it never arrives, or it arrives and its reply never does. */
export type FaultKind = 'lose-request' | 'lose-reply';

interface Fault {
  readonly kind: FaultKind;
  readonly op: RequestMatch;
  /** How many matching requests are still to be let through before it. */
  spare: number;
  readonly happened: (request: WireRequest) => void;
}

/** The faults that wait for their request, and the counts of those that passed. */
export class WireFaults {
  readonly counts: Map<number, number> = new Map();
  /** Whether handshakes lose the session that they ask for. */
  forgetsSessions = false;
  #waiting: Fault[] = [];
  #watchers: { readonly op: RequestMatch; readonly seen: (request: WireRequest) => void }[] = [];

  /** Sets a fault; resolves with the request when it has happened. */
  set(kind: FaultKind, { op, nth = 1 }: FaultOptions): Promise<WireRequest> {
    return new Promise((happened) => this.#waiting.push({ kind, op, spare: nth - 1, happened }));
  }

  /** Resolves with the next request of this kind that a client sends. */
  untilRequest(op: RequestMatch): Promise<WireRequest> {
    return new Promise((seen) => this.#watchers.push({ op, seen }));
  }

  /** Counts a request; gives the fault that it is to suffer, if any. */
  suffer(request: WireRequest): SufferedFault | undefined {
    this.counts.set(request.op, (this.counts.get(request.op) ?? 0) + 1);
    this.#tellWatchers(request);
    const fault = this.#take(request);
    if (fault === undefined) return undefined;
    return {
      kind: fault.kind,
      happened: () => fault.happened(request),
      missed: () => this.#waiting.unshift(fault),
    };
  }

  /** Removes and gives the first waiting fault whose turn this request is. */
  #take(request: WireRequest): Fault | undefined {
    for (const fault of this.#waiting) {
      if (!matches(fault.op, request)) continue;
      if (fault.spare === 0) {
        this.#waiting = this.#waiting.filter((other) => other !== fault);
        return fault;
      }
      fault.spare -= 1;
    }
    return undefined;
  }

  #tellWatchers(request: WireRequest): void {
    const told = this.#watchers.filter(({ op }) => matches(op, request));
    this.#watchers = this.#watchers.filter((watcher) => !told.includes(watcher));
    for (const { seen } of told) seen(request);
  }
}

/** A fault that has found its request. */
export interface SufferedFault {
  readonly kind: FaultKind;
  /** Tells the test that it happened. */
  readonly happened: () => void;
  /** The connection ended by itself first: the fault waits for another request. */
  readonly missed: () => void;
}
