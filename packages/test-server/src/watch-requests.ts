import { type Encoder, ErrorCode, EventType, type JuteReader, OpCode } from 'zookeeper-ts-client/protocol';
import { type Answer, DONE, refusal, success } from './answer.js';
import type { Client } from './client.js';
import type { Handler, RequestContext } from './request-processor.js';
import { present, readPaths, readWatch } from './request-records.js';
import type { Znode } from './znode.js';

/** Modes of `addWatch`. */
const AddWatchMode = { persistent: 0, persistentRecursive: 1 } as const;

/** Encoder of the reply to `addWatch`, which is always 0. */
const ErrorResponse: Encoder<number> = { write: (writer, error) => writer.int(error) };

/** Zxid of an event about an earlier change. */
const NO_ZXID = -1n;

/** Handlers of the requests about watches, by operation code. */
export const watchRequests: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [OpCode.setWatches, (context, client, reader) => setWatches(context, client, reader, false)],
  [OpCode.setWatches2, (context, client, reader) => setWatches(context, client, reader, true)],
  [OpCode.addWatch, addWatch],
  [OpCode.checkWatches, checkWatches],
  [OpCode.removeWatches, removeWatches],
]);

/**
 * Handles `setWatches` after a reconnect: sends events for changes since the client's last zxid, and sets the other watches again. Since
 * 3.9.6 a client receives such an event only if it may read the znode.
 */
function setWatches(
  { isCompat38 }: RequestContext,
  client: Client,
  reader: JuteReader,
  withPersistent: boolean,
): Answer {
  const since = reader.long();
  const [data, exist, child] = [readPaths(reader), readPaths(reader), readPaths(reader)];
  const persistent = withPersistent ? readPaths(reader) : [];
  const recursive = withPersistent ? readPaths(reader) : [];
  const { tree, watches } = client.replica;
  const tell = (type: number, path: string, znode?: Znode) =>
    client.notify(type, path, isCompat38 ? null : (znode?.acl ?? null), NO_ZXID);
  for (const given of present(data)) {
    const path = present(given);
    const znode = tree.get(path);
    if (znode === undefined) tell(EventType.NodeDeleted, path);
    else if (znode.mzxid > since) tell(EventType.NodeDataChanged, path, znode);
    else watches.watchData(path, client);
  }
  for (const given of present(exist)) {
    const path = present(given);
    const znode = tree.get(path);
    if (znode !== undefined) tell(EventType.NodeCreated, path, znode);
    else watches.watchData(path, client);
  }
  for (const given of present(child)) {
    const path = present(given);
    const znode = tree.get(path);
    if (znode === undefined) tell(EventType.NodeDeleted, path);
    else if (znode.pzxid > since) tell(EventType.NodeChildrenChanged, path, znode);
    else watches.watchChildren(path, client);
  }
  for (const path of present(persistent)) watches.watchPersistently(path, client, false);
  for (const path of present(recursive)) watches.watchPersistently(path, client, true);
  return DONE;
}

function addWatch(_: RequestContext, client: Client, reader: JuteReader): Answer {
  const { path, kind: mode } = readWatch(reader);
  if (mode !== AddWatchMode.persistent && mode !== AddWatchMode.persistentRecursive) {
    return refusal(ErrorCode.MARSHALLINGERROR);
  }
  client.replica.watches.watchPersistently(path, client, mode === AddWatchMode.persistentRecursive);
  return success(ErrorResponse, 0);
}

function checkWatches(_: RequestContext, client: Client, reader: JuteReader): Answer {
  const { path, kind: type } = readWatch(reader);
  const { watches } = client.replica;
  if (!watches.isWatcherType(type)) return refusal(ErrorCode.MARSHALLINGERROR);
  return watches.has(path, client, type) ? DONE : refusal(ErrorCode.NOWATCHER);
}

function removeWatches(_: RequestContext, client: Client, reader: JuteReader): Answer {
  const { path, kind: type } = readWatch(reader);
  const { watches } = client.replica;
  if (!watches.isWatcherType(type)) return refusal(ErrorCode.MARSHALLINGERROR);
  return watches.remove(path, client, type) ? DONE : refusal(ErrorCode.NOWATCHER);
}
