import type { Operation } from '../protocol/operation.js';
import { type SetWatches2, setWatches, setWatches2 } from '../protocol/operations/watches.js';
import { isHiddenByRecursive } from './old-servers.js';
import { WATCH_KINDS, type WatchKind, type WatchTable } from './watch-table.js';

/** Request that sets watches on the server again. */
export interface RestoreRequest {
  /** `setWatches`, which every server knows; `setWatches2` if the request contains persistent watches. */
  readonly operation: Operation<SetWatches2, void>;
  readonly request: SetWatches2;
  /** Paths of the persistent watches in the request. Servers before 3.6 do not know persistent watches. */
  readonly persistentPaths: readonly string[];
}

/** Watched paths of one request, by kind. */
type WatchedPaths = Record<WatchKind, string[]>;

/** Size of a request without its paths, in bytes: header, zxid and the lengths of five lists. */
const OVERHEAD_BYTES = 8 + 8 + 5 * 4;

/** Largest number of bytes of paths in one request, so that no server refuses the request as too large. ZOOKEEPER-706. */
const CHUNK_BYTES = 64 * 1024 - OVERHEAD_BYTES;

/**
 * Builds the requests that set all watches again, or those of one path, in the order in which they must be sent. Pure.
 *
 * @param relativeZxid last transaction whose effects the watchers have seen; the server reports later changes at once
 * @param maxFrameBytes largest size of a request in bytes; only a request with a single long path may exceed it
 */
export function restoreRequests(
  table: WatchTable<unknown>,
  relativeZxid: bigint,
  maxFrameBytes: number,
  path?: string,
): RestoreRequest[] {
  const pathsOf = (kind: WatchKind): Iterable<string> => {
    if (path === undefined) return table.paths(kind);
    return table.has(kind, path) ? [path] : [];
  };
  const hidden = [...pathsOf('recursive')].filter((one) => isHiddenByRecursive(table, 'child', one));
  const maxBytes = Math.min(CHUNK_BYTES, maxFrameBytes - OVERHEAD_BYTES);
  const chunks = [
    ...chunked(
      WATCH_KINDS.map((kind) => [kind, pathsOf(kind)]),
      maxBytes,
    ),
    ...chunked([['child', hidden]], maxBytes),
  ];
  return chunks.map((chunk) => restoreRequest(chunk, relativeZxid));
}

function restoreRequest(paths: WatchedPaths, relativeZxid: bigint): RestoreRequest {
  const persistentPaths = [...paths.persistent, ...paths.recursive];
  return {
    operation: persistentPaths.length === 0 ? setWatches : setWatches2,
    request: {
      relativeZxid,
      dataWatches: paths.data,
      existWatches: paths.exist,
      childWatches: paths.child,
      persistentWatches: paths.persistent,
      persistentRecursiveWatches: paths.recursive,
    },
    persistentPaths,
  };
}

function* chunked(
  pathsOfKinds: readonly (readonly [WatchKind, Iterable<string>])[],
  maxBytes: number,
): Generator<WatchedPaths> {
  let chunk = emptyChunk();
  let bytes = 0;
  for (const [kind, paths] of pathsOfKinds) {
    for (const path of paths) {
      const pathBytes = 4 + Buffer.byteLength(path);
      if (bytes > 0 && bytes + pathBytes > maxBytes) {
        yield chunk;
        chunk = emptyChunk();
        bytes = 0;
      }
      chunk[kind].push(path);
      bytes += pathBytes;
    }
  }
  if (bytes > 0) yield chunk;
}

function emptyChunk(): WatchedPaths {
  return { data: [], exist: [], child: [], persistent: [], recursive: [] };
}
