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

/** Whose traffic a partition stops. */
export type Direction = 'to-server' | 'to-client' | 'both';

/** A fault for one request. */
export interface OneFault extends RequestMatch {
  /** Which of the matching requests, counted from now; 1, the default, is the next. */
  readonly nth?: number;
}

/** Replies that come late. */
export interface Delay extends RequestMatch {
  /** By how many milliseconds, 0 or more. */
  readonly ms: number;
}

/** What is to become of a request. */
export interface Verdict {
  readonly kind: 'pass' | 'drop-request' | 'drop-reply' | 'throttle' | 'unimplemented';
  /** Milliseconds by which the reply, and all that comes after it, is late. */
  readonly delayMs: number;
  /** Tells the test that it happened. */
  readonly happened: () => void;
}

/** What faults act on. */
export interface FaultTarget {
  /** Puts partitions that were set or lifted into effect. */
  applyPartitions(): void;
  /** Lets those clients see what they see now, or see the present again. */
  setLagging(isLagging: (client: Client) => boolean): void;
}

interface WaitingFault {
  readonly kind: 'drop-request' | 'drop-reply' | 'throttle' | 'observe';
  readonly match: RequestMatch;
  /** How many matching requests are still to be let through before it. */
  spare: number;
  readonly happened: (request: ObservedRequest) => void;
}

const faultChecks: Checks<OneFault> = { ...matchChecks, nth: isInteger(1) };
const delayChecks: Checks<Delay> = { ...matchChecks, ms: isNumber(0) };
const isDirection: Check = isOneOf(['to-server', 'to-client', 'both'] satisfies Direction[]);

const PASS: Verdict = { kind: 'pass', delayMs: 0, happened: () => {} };

/**
 * How the server misbehaves. All of it is done to requests on purpose; nothing is left to chance.
 *
 * A fault that could never happen is refused at once: every method throws a `TypeError` when it is given a name or a type that it does not
 * know, and a `RangeError` when a number is out of its range.
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
   * Applies a request, drops its reply and cuts the connection: the client cannot know what came of it.
   *
   * @returns resolves with the request when it happened
   */
  dropReplyOnce(fault: OneFault = {}): Promise<ObservedRequest> {
    return this.#wait('drop-reply', 'dropReplyOnce', fault);
  }

  /**
   * Drops a request before it is applied, and cuts the connection.
   *
   * @returns resolves with the request when it happened
   */
  dropRequestOnce(fault: OneFault = {}): Promise<ObservedRequest> {
    return this.#wait('drop-request', 'dropRequestOnce', fault);
  }

  /** Resolves with a request when it arrives. It is not a fault, but tells when to commit one. */
  untilRequest(match: OneFault = {}): Promise<ObservedRequest> {
    return this.#wait('observe', 'untilRequest', match);
  }

  /**
   * Calls back for every request as it arrives, before anything is done about it; a credential is none. Not a fault either.
   *
   * @returns ends it
   */
  onRequest(listener: (request: ObservedRequest) => void): () => void {
    isFunction('listener', listener);
    this.#listeners = [...this.#listeners, listener];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  /** Replies to such requests this much later, and whatever follows them on the same connection; they are applied at once. */
  delay(delay: Delay): void {
    checkFields('delay', delay, delayChecks);
    const { ms, ...match } = delay;
    delayChecks.ms('ms', ms);
    this.#delays = [...this.#delays, { match, ms }];
  }

  /** Refuses such requests as an overloaded server does: THROTTLEDOP, not applied. Pings and the end of a session pass. */
  throttle(match: RequestMatch = {}): void {
    checkFields('throttle', match, matchChecks);
    this.#throttled = [...this.#throttled, match];
  }

  /**
   * Refuses one request with THROTTLEDOP, and does not apply it.
   *
   * @returns resolves with the request when it happened
   */
  throttleOnce(fault: OneFault = {}): Promise<ObservedRequest> {
    return this.#wait('throttle', 'throttleOnce', fault);
  }

  /** Knows no such operations, like a server that is older than they are: UNIMPLEMENTED, and the end of the connection. */
  lack(match: RequestMatch): void {
    checkFields('lack', match, matchChecks);
    this.#unimplemented = [...this.#unimplemented, match];
  }

  /** Closes new connections as soon as they are made; those that are open stay. */
  refuseConnections(): void {
    this.#isRefusing = true;
  }

  /** Takes new connections again. */
  acceptConnections(): void {
    this.#isRefusing = false;
  }

  /**
   * Lets nothing pass between the server and a client, or all of them, and tells neither, as a network that drops
   * packets. A session stays partitioned on its next connections. What was sent meanwhile arrives after `heal`.
   *
   * @param who a session id
   */
  partition(who: bigint | 'all', direction: Direction = 'both'): void {
    isSessionIdOrAll('who', who);
    isDirection('direction', direction);
    this.#partitions.set(who, direction);
    this.#target.applyPartitions();
  }

  /** Lifts partitions. @param who the one that was partitioned; by default every one */
  heal(who?: bigint | 'all'): void {
    if (who !== undefined) isSessionIdOrAll('who', who);
    if (who === undefined) this.#partitions.clear();
    else this.#partitions.delete(who);
    this.#target.applyPartitions();
  }

  /**
   * Lets clients read the past, as from a follower that lags behind: what others do from now on they neither read nor
   * hear of by watches. A client catches up, watches first, when it writes or calls `sync`, or with `clear`.
   *
   * @param who a session id; by default all that are connected
   */
  staleReads(who: bigint | 'all' = 'all'): void {
    isSessionIdOrAll('who', who);
    this.#target.setLagging((client) => who === 'all' || client.sessionId === who);
  }

  /** Ends all faults, those that wait for their request included, and all observation. */
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

  /** Whether new connections are closed at once. */
  get isRefusing(): boolean {
    return this.#isRefusing;
  }

  /** Whether no fault is for requests: nobody has to look at them. */
  get isIdle(): boolean {
    const lists = [this.#waiting, this.#delays, this.#throttled, this.#unimplemented, this.#listeners];
    return lists.every(({ length }) => length === 0);
  }

  /** Whether a session's traffic is stopped in a direction. */
  isPartitioned(sessionId: bigint, direction: 'to-server' | 'to-client'): boolean {
    if (this.#partitions.size === 0) return false;
    return [this.#partitions.get(sessionId), this.#partitions.get('all')].some(
      (stopped) => stopped === 'both' || stopped === direction,
    );
  }

  /** Decides what becomes of a request. */
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
