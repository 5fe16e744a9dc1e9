import { ErrorCode } from '../protocol/error-code.js';
import type { Operation } from '../protocol/operation.js';
import { type SetWatches2, setWatches, setWatches2 } from '../protocol/operations/watches.js';
import { Exchange } from './exchange.js';
import type { PendingRequest } from './pending-requests.js';
import type { WatchedPaths } from './watch-registry.js';

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

/**
 * The requests, ready to be sent.
 *
 * @param giveUp told of each path whose persistent watches the server does not know: it would close every connection that asks for them
 */
export function rewatchExchanges(
  chunks: readonly WatchedPaths[],
  relativeZxid: bigint,
  giveUp: (path: string) => void,
): PendingRequest[] {
  return rewatchRequests(chunks, relativeZxid).map(({ operation, request, persistentPaths }) => {
    const onReply = (err: number): void => {
      if (err === ErrorCode.UNIMPLEMENTED) for (const path of persistentPaths) giveUp(path);
    };
    const exchange = new Exchange({ operation, request, path: null, result: () => undefined, onReply });
    // It fails only with its connection, and the next connection sets all watches again.
    exchange.promise.catch(() => {});
    return exchange;
  });
}
