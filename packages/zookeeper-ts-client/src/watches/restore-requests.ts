import type { Operation } from '../protocol/operation.js';
import { type SetWatches2, setWatches, setWatches2 } from '../protocol/operations/watches.js';
import { isHiddenByRecursive } from './old-servers.js';
import { WATCH_KINDS, type WatchKind, type WatchTable } from './watch-table.js';

/** A request that sets watches on the server again. */
export interface RestoreRequest {
  /** `setWatches`, which every server knows, unless there are persistent watches in it. */
  readonly operation: Operation<SetWatches2, void>;
  readonly request: SetWatches2;
  /** Paths of its persistent watches, which a server before 3.6 does not know. */
  readonly persistentPaths: readonly string[];
}

/** Paths by kind, for one request. */
type WatchedPaths = Record<WatchKind, string[]>;

/** What a request has besides its paths: header, zxid, and the lengths of five lists. */
const OVERHEAD_BYTES = 8 + 8 + 5 * 4;

/** A request holds at most so many bytes of paths, so that no server finds it too large. ZOOKEEPER-706. */
const CHUNK_BYTES = 64 * 1024 - OVERHEAD_BYTES;

/**
 * The requests that set all watches again, or those of one path, in the order in which they are to be sent. Pure.
 *
 * @param relativeZxid the last transaction whose effects the watchers have heard of: what changed since, the server tells at once
 * @param maxFrameBytes what a request may come to; only a single path may be too long for it
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
