import { ErrorCode } from '../errors/error-code.js';
import type { Session } from '../session/session.js';
import { restoreRequests } from './restore-requests.js';
import type { WatchTable } from './watch-table.js';

/** Sets watches on the server again, and knows from which transaction on their watchers have yet to hear. */
export class Restoring {
  readonly #session: Session;
  readonly #table: WatchTable<unknown>;
  readonly #maxFrameBytes: number;
  readonly #onUnknown: (path: string) => void;
  /** The last transaction seen when the watches were lost of which the server has not confirmed all again; `null` if it has. */
  #lostAtZxid: bigint | null = null;
  #unanswered = 0;

  /** @param onUnknown told of each path whose persistent watches the server does not know: it would close every connection that asks for them */
  constructor(session: Session, table: WatchTable<unknown>, maxFrameBytes: number, onUnknown: (path: string) => void) {
    this.#session = session;
    this.#table = table;
    this.#maxFrameBytes = maxFrameBytes;
    this.#onUnknown = onUnknown;
  }

  /** Sets all watches on a new connection. A connection that was lost before it had confirmed all counts for nothing. */
  all(): void {
    const sinceZxid = this.#lostAtZxid ?? this.#session.lastZxid;
    this.#lostAtZxid = null;
    this.#unanswered = 0;
    this.#send(sinceZxid);
  }

  /** Sets those of one path again; without a connection the next one does. */
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
        // It has set none of them. The zxid of the loss is kept for the next connection.
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
      // It fails with its connection, or is refused by a busy server: the next connection sets all watches again.
      sent.catch(() => {});
    }
  }
}
