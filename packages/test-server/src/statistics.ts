import { operationName } from './observed-request.js';

/** What a server has done so far. */
export interface ServerStatistics {
  /** Requests received, by operation. */
  readonly requests: Readonly<Partial<Record<ReturnType<typeof operationName>, number>>>;
  /** Frames received and sent, handshakes and events included. */
  readonly received: number;
  readonly sent: number;
  /** Watch events sent. */
  readonly watchesFired: number;
  /** Open connections and live sessions. */
  readonly connections: number;
  readonly sessions: number;
}

/** Counts what goes in and out. */
export class Counters {
  received = 0;
  sent = 0;
  readonly #byOpCode: Map<number, number> = new Map();

  /** Counts a request. */
  request(opCode: number): void {
    this.#byOpCode.set(opCode, (this.#byOpCode.get(opCode) ?? 0) + 1);
  }

  /** Requests by operation. */
  get requests(): ServerStatistics['requests'] {
    const requests: { -readonly [K in keyof ServerStatistics['requests']]: ServerStatistics['requests'][K] } = {};
    for (const [opCode, count] of this.#byOpCode) {
      const name = operationName(opCode);
      requests[name] = (requests[name] ?? 0) + count;
    }
    return requests;
  }

  /** Begins to count anew. */
  reset(): void {
    this.received = 0;
    this.sent = 0;
    this.#byOpCode.clear();
  }
}
