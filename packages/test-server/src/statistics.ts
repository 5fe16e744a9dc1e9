import { operationName } from './observed-request.js';

/** Statistics of a server. */
export interface ServerStatistics {
  /** Number of received requests, by operation. */
  readonly requests: Readonly<Partial<Record<ReturnType<typeof operationName>, number>>>;
  /** Numbers of received and sent frames, including handshakes and events. */
  readonly received: number;
  readonly sent: number;
  /** Number of sent watch events. */
  readonly watchesFired: number;
  /** Numbers of open connections and live sessions. */
  readonly connections: number;
  readonly sessions: number;
}

/** Counters of frames and requests. */
export class Counters {
  received = 0;
  sent = 0;
  readonly #byOpCode: Map<number, number> = new Map();

  /** Counts a request. */
  request(opCode: number): void {
    this.#byOpCode.set(opCode, (this.#byOpCode.get(opCode) ?? 0) + 1);
  }

  /** Number of requests by operation. */
  get requests(): ServerStatistics['requests'] {
    const requests: { -readonly [K in keyof ServerStatistics['requests']]: ServerStatistics['requests'][K] } = {};
    for (const [opCode, count] of this.#byOpCode) {
      const name = operationName(opCode);
      requests[name] = (requests[name] ?? 0) + count;
    }
    return requests;
  }

  /** Resets all counters to 0. */
  reset(): void {
    this.received = 0;
    this.sent = 0;
    this.#byOpCode.clear();
  }
}
