import { ErrorCode } from '../protocol/error-code.js';
import type { Operation } from '../protocol/operation.js';
import { type SetWatches2, setWatches, setWatches2 } from '../protocol/operations/watches.js';
import type { Connection } from './connection.js';
import { Exchange } from './exchange.js';
import type { WatchedPaths, WatchRegistry } from './watch-registry.js';

/** A request that sets watches on the server again. */
export interface RewatchRequest {
  readonly operation: Operation<SetWatches2, void>;
  readonly request: SetWatches2;
  /** Paths of its persistent watches, which a server before 3.6 does not know. */
  readonly persistentPaths: readonly string[];
}

/**
 * One request a chunk: `setWatches`, which every server knows, unless there are persistent watches in it.
 *
 * @param relativeZxid the last transaction whose effects the client has seen
 */
export function rewatchRequests(chunks: readonly WatchedPaths[], relativeZxid: bigint): RewatchRequest[] {
  return chunks.map((chunk) => {
    const persistentPaths = [...chunk.persistent, ...chunk.recursive];
    return {
      operation: persistentPaths.length === 0 ? setWatches : setWatches2,
      request: {
        relativeZxid,
        dataWatches: chunk.data,
        existWatches: chunk.exist,
        childWatches: chunk.child,
        persistentWatches: chunk.persistent,
        persistentRecursiveWatches: chunk.recursive,
      },
      persistentPaths,
    };
  });
}

/** Sets watches on the server again, and knows the last transaction that everybody who watches has heard of. */
export class Rewatch<Listener> {
  readonly #watches: WatchRegistry<Listener>;
  readonly #giveUp: (path: string) => void;
  #lastZxid = 0n;
  /** The last transaction seen when the watches were lost of which the server has not confirmed all again. */
  #lostAtZxid: bigint | null = null;
  #unanswered = 0;

  /** @param giveUp told of each path whose persistent watches the server does not know: it would close every connection that asks for them */
  constructor(watches: WatchRegistry<Listener>, giveUp: (path: string) => void) {
    this.#watches = watches;
    this.#giveUp = giveUp;
  }

  /** The last transaction whose effects the client has seen. */
  get lastZxid(): bigint {
    return this.#lastZxid;
  }

  /** A server had come to this transaction. */
  seen(zxid: bigint): void {
    if (zxid > this.#lastZxid) this.#lastZxid = zxid;
  }

  /** The servers' history ends before what the client has seen: they have lost it. */
  wentBackTo(zxid: bigint): void {
    this.#lastZxid = zxid;
  }

  /** Sets all watches on a new connection. A connection that was lost before it had confirmed all counts for nothing. */
  all(connection: Connection): void {
    const zxid = this.#lostAtZxid ?? this.#lastZxid;
    this.#lostAtZxid = null;
    this.#unanswered = 0;
    this.#send([...this.#watches.chunks()], zxid, connection);
  }

  /** Sets those of one path. */
  path(path: string, connection: Connection): void {
    this.#send(this.#watches.chunksOf(path), this.#lastZxid, connection);
  }

  #send(chunks: readonly WatchedPaths[], zxid: bigint, connection: Connection): void {
    if (chunks.length === 0) return;
    this.#lostAtZxid ??= zxid;
    this.#unanswered += chunks.length;
    for (const { operation, request, persistentPaths } of rewatchRequests(chunks, zxid)) {
      const onReply = (err: number): void => {
        // It has set none of them. The zxid of the loss is kept for the next connection.
        if (err === ErrorCode.THROTTLEDOP) {
          connection.loseSoon(new Error('the server was too busy to set watches'));
          return;
        }
        if (--this.#unanswered === 0) this.#lostAtZxid = null;
        if (err === ErrorCode.UNIMPLEMENTED) for (const path of persistentPaths) this.#giveUp(path);
      };
      const exchange = new Exchange({ operation, request, path: null, result: () => undefined, onReply });
      // It fails with its connection, or is refused by a busy server: the next connection sets all watches again.
      exchange.promise.catch(() => {});
      connection.send(exchange);
    }
  }
}
