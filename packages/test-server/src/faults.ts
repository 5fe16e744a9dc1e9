import {
  type Check,
  type Checks,
  checkFields,
  isFunction,
  isInteger,
  isNumber,
  isOneOf,
  isSessionIdOrAll,
} from './argument-checks.js';
import type { Client } from './client.js';
import { matchChecks, matches, type ObservedRequest, type RequestMatch } from './observed-request.js';

/** Direction in which a partition stops traffic. */
export type Direction = 'to-server' | 'to-client' | 'both';

/** Fault for one request. */
export interface OneFault extends RequestMatch {
  /** Position among the matching requests from now on. Default 1, which is the next request. */
  readonly nth?: number;
}

/** Delay of replies. */
export interface Delay extends RequestMatch {
  /** Delay in milliseconds; from 0. */
  readonly ms: number;
}

/** Treatment of a request. */
export interface Verdict {
  readonly kind: 'pass' | 'drop-request' | 'drop-reply' | 'throttle' | 'unimplemented';
  /** Delay in milliseconds of the reply and of everything that follows it. */
  readonly delayMs: number;
  /** Reports to the test that the fault has happened. */
  readonly happened: () => void;
}

/** Object on which faults act: the server's connections. */
export interface FaultTarget {
  /** Applies partitions that were set or lifted. */
  applyPartitions(): void;
  /** Freezes the view of the clients for which `isLagging` returns true, and brings all other clients up to date. */
  setLagging(isLagging: (client: Client) => boolean): void;
}

interface WaitingFault {
  readonly kind: 'drop-request' | 'drop-reply' | 'throttle' | 'observe';
  readonly match: RequestMatch;
  /** Number of matching requests that still pass before the fault. */
  spare: number;
  readonly happened: (request: ObservedRequest) => void;
}

const faultChecks: Checks<OneFault> = { ...matchChecks, nth: isInteger(1) };
const delayChecks: Checks<Delay> = { ...matchChecks, ms: isNumber(0) };
const isDirection: Check = isOneOf(['to-server', 'to-client', 'both'] satisfies Direction[]);

const PASS: Verdict = { kind: 'pass', delayMs: 0, happened: () => {} };

/**
 * Faults of the server. A test chooses the requests; no fault is random.
 *
 * Every method refuses a fault that could never happen. It throws a `TypeError` for an unknown name or a wrong type, and a `RangeError` for
 * a number out of its range.
 */
export class Faults {
  readonly #target: FaultTarget;
  #waiting: readonly WaitingFault[] = [];
  #delays: readonly { readonly match: RequestMatch; readonly ms: number }[] = [];
  #throttled: readonly RequestMatch[] = [];
  #unimplemented: readonly RequestMatch[] = [];
  #listeners: readonly ((request: ObservedRequest) => void)[] = [];
  readonly #partitions: Map<bigint | 'all', Direction> = new Map();
  #isRefusing = false;

  /** @param target the server's connections */
  constructor(target: FaultTarget) {
    this.#target = target;
  }

  /**
   * Applies a request, drops its reply and closes the connection: the outcome is unknown to the client.
   *
   * @returns resolves with the request when the fault has happened
   */
  dropReplyOnce(fault: OneFault = {}): Promise<ObservedRequest> {
    return this.#wait('drop-reply', 'dropReplyOnce', fault);
  }

  /**
   * Drops a request before it is applied, and closes the connection.
   *
   * @returns resolves with the request when the fault has happened
   */
  dropRequestOnce(fault: OneFault = {}): Promise<ObservedRequest> {
    return this.#wait('drop-request', 'dropRequestOnce', fault);
  }

  /** Resolves with a matching request when it arrives. This is not a fault; a test uses it to decide when to inject a fault. */
  untilRequest(match: OneFault = {}): Promise<ObservedRequest> {
    return this.#wait('observe', 'untilRequest', match);
  }

  /**
   * Calls a listener for every request when it arrives, before the server processes it. Credentials are not reported. This is not a fault.
   *
   * @returns a function that removes the listener
   */
  onRequest(listener: (request: ObservedRequest) => void): () => void {
    isFunction('listener', listener);
    this.#listeners = [...this.#listeners, listener];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  /** Delays the replies to matching requests, and everything that follows them on the same connection. The requests are applied at once. */
  delay(delay: Delay): void {
    checkFields('delay', delay, delayChecks);
    const { ms, ...match } = delay;
    delayChecks.ms('ms', ms);
    this.#delays = [...this.#delays, { match, ms }];
  }

  /** Refuses matching requests with THROTTLEDOP, as an overloaded server does, and does not apply them. Pings and `closeSession` pass. */
  throttle(match: RequestMatch = {}): void {
    checkFields('throttle', match, matchChecks);
    this.#throttled = [...this.#throttled, match];
  }

  /**
   * Refuses one request with THROTTLEDOP, and does not apply it.
   *
   * @returns resolves with the request when the fault has happened
   */
  throttleOnce(fault: OneFault = {}): Promise<ObservedRequest> {
    return this.#wait('throttle', 'throttleOnce', fault);
  }

  /** Refuses matching operations like an older server that does not know them: replies UNIMPLEMENTED, and closes the connection. */
  lack(match: RequestMatch): void {
    checkFields('lack', match, matchChecks);
    this.#unimplemented = [...this.#unimplemented, match];
  }

  /** Closes each new connection at once; open connections stay. */
  refuseConnections(): void {
    this.#isRefusing = true;
  }

  /** Accepts new connections again. */
  acceptConnections(): void {
    this.#isRefusing = false;
  }

  /**
   * Stops all traffic between the server and a client, or all clients, as a network that drops packets does. Neither side is told. The
   * partition also applies to the next connections of the session. After `heal`, all data that was sent meanwhile arrives.
   *
   * @param who a session id, or `all`
   */
  partition(who: bigint | 'all', direction: Direction = 'both'): void {
    isSessionIdOrAll('who', who);
    isDirection('direction', direction);
    this.#partitions.set(who, direction);
    this.#target.applyPartitions();
  }

  /** Lifts partitions. @param who the session id or `all` that was given to `partition`; by default every partition */
  heal(who?: bigint | 'all'): void {
    if (who !== undefined) isSessionIdOrAll('who', who);
    if (who === undefined) this.#partitions.clear();
    else this.#partitions.delete(who);
    this.#target.applyPartitions();
  }

  /**
   * Gives clients a stale view, as from a follower that lags behind: they neither read later changes by other clients nor get watch events
   * for them. A client catches up, with watch events first, when it writes or calls `sync`, or when the test calls `clear`.
   *
   * @param who a session id; by default all connected clients
   */
  staleReads(who: bigint | 'all' = 'all'): void {
    isSessionIdOrAll('who', who);
    this.#target.setLagging((client) => who === 'all' || client.sessionId === who);
  }

  /** Ends all faults and all observation. Faults that still wait for their request end, too. */
  clear(): void {
    this.#waiting = [];
    this.#delays = [];
    this.#throttled = [];
    this.#unimplemented = [];
    this.#listeners = [];
    this.acceptConnections();
    this.heal();
    this.#target.setLagging(() => false);
  }

  /** Whether the server closes new connections at once. */
  get isRefusing(): boolean {
    return this.#isRefusing;
  }

  /** Whether no fault and no listener concerns requests: then the server need not inspect them. */
  get isIdle(): boolean {
    const lists = [this.#waiting, this.#delays, this.#throttled, this.#unimplemented, this.#listeners];
    return lists.every(({ length }) => length === 0);
  }

  /** Whether a partition stops a session's traffic in a direction. */
  isPartitioned(sessionId: bigint, direction: 'to-server' | 'to-client'): boolean {
    if (this.#partitions.size === 0) return false;
    return [this.#partitions.get(sessionId), this.#partitions.get('all')].some(
      (stopped) => stopped === 'both' || stopped === direction,
    );
  }

  /** Decides the treatment of a request. */
  judge(request: ObservedRequest): Verdict {
    for (const listener of this.#listeners) listener(request);
    const delayMs = this.#delays.find(({ match }) => matches(match, request))?.ms ?? 0;
    const isMeant = (match: RequestMatch): boolean => matches(match, request);
    const isLacking = this.#unimplemented.some(isMeant);
    for (const waiting of this.#waiting) {
      if (!matches(waiting.match, request)) continue;
      waiting.spare -= 1;
      if (waiting.spare >= 0) continue;
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
      if (waiting.kind === 'observe') {
        waiting.happened(request);
        continue;
      }
      const kind = isLacking && waiting.kind === 'drop-reply' ? 'drop-request' : waiting.kind;
      return { kind, delayMs, happened: () => waiting.happened(request) };
    }
    if (isLacking) return { ...PASS, kind: 'unimplemented', delayMs };
    if (request.operation !== 'ping' && request.operation !== 'closeSession') {
      if (this.#throttled.some(isMeant)) return { ...PASS, kind: 'throttle', delayMs };
    }
    return delayMs === 0 ? PASS : { ...PASS, delayMs };
  }

  #wait(kind: WaitingFault['kind'], method: string, fault: OneFault): Promise<ObservedRequest> {
    checkFields(method, fault, faultChecks);
    const { nth = 1, ...match } = fault;
    return new Promise((happened) => {
      this.#waiting = [...this.#waiting, { kind, match, spare: nth - 1, happened }];
    });
  }
}
