import { ErrorCode } from '../errors/error-code.js';
import type { Session } from '../session/session.js';
import { restoreRequests } from './restore-requests.js';
import type { WatchTable } from './watch-table.js';

/** Restores watches on the server, and remembers the transaction after which the watchers have missed events. */
export class Restoring {
  readonly #session: Session;
  readonly #table: WatchTable<unknown>;
  readonly #maxFrameBytes: number;
  readonly #onUnknown: (path: string) => void;
  /** Last transaction seen when the connection with the watches was lost; `null` when the server has confirmed all watches again. */
  #lostAtZxid: bigint | null = null;
  #unanswered = 0;

  /**
   * @param onUnknown called with each path whose persistent watches the server does not know; otherwise the server would close every
   *   connection that asks for these watches
   */
  constructor(session: Session, table: WatchTable<unknown>, maxFrameBytes: number, onUnknown: (path: string) => void) {
    this.#session = session;
    this.#table = table;
    this.#maxFrameBytes = maxFrameBytes;
    this.#onUnknown = onUnknown;
  }

  /**
   * Sets all watches on a new connection. If the previous connection was lost before it confirmed all watches, the zxid of the earlier
   * loss still applies.
   */
  all(): void {
    const sinceZxid = this.#lostAtZxid ?? this.#session.lastZxid;
    this.#lostAtZxid = null;
    this.#unanswered = 0;
    this.#send(sinceZxid);
  }

  /** Sets the watches of one path again. Without a connection this call does nothing, because the next connection sets all watches. */
  path(path: string): void {
    if (this.#session.isConnected) this.#send(this.#session.lastZxid, path);
  }

  #send(sinceZxid: bigint, path?: string): void {
    const requests = restoreRequests(this.#table, sinceZxid, this.#maxFrameBytes, path);
    if (requests.length === 0) return;
    this.#lostAtZxid ??= sinceZxid;
    this.#unanswered += requests.length;
    for (const { operation, request, persistentPaths } of requests) {
      const onReply = (err: number): void => {
        // The server has set no watch of this request. The zxid of the loss is kept for the next connection.
        if (err === ErrorCode.THROTTLEDOP) {
          this.#session.loseSoon(new Error('the server was too busy to set watches'));
          return;
        }
        if (--this.#unanswered === 0) this.#lostAtZxid = null;
        if (err === ErrorCode.UNIMPLEMENTED) for (const unknown of persistentPaths) this.#onUnknown(unknown);
      };
      const sent = this.#session.request({
        operation,
        request,
        path: null,
        ahead: true,
        result: () => undefined,
        onReply,
      });
      // The request fails when its connection is lost or a busy server refuses it: the next connection sets all watches again.
      sent.catch(() => {});
    }
  }
}
