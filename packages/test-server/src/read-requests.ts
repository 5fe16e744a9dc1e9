import {
  type Encoder,
  ErrorCode,
  GetAclResponse,
  GetAllChildrenNumberResponse,
  GetChildren2Response,
  GetDataResponse,
  GetEphemeralsResponse,
  type JuteReader,
  OpCode,
  Stat,
  WhoAmIResponse,
} from 'zookeeper-ts-client/protocol';
import { isAllowed, maskDigests, Perms, userNameOf } from './access-control.js';
import { type Answer, DONE, refusal, success } from './answer.js';
import type { Client } from './client.js';
import type { Handler, RequestContext } from './request-processor.js';
import { present, readRead } from './request-records.js';
import type { Znode } from './znode.js';

/** Encoder of `GetChildrenResponse` of zookeeper.jute. */
const ChildrenResponse: Encoder<readonly string[]> = {
  write: (writer, names) => {
    writer.int(names.length);
    for (const name of names) writer.ustring(name);
  },
};

/** Encoder of a path that may be null, as `sync` returns it. */
const EchoedPath: Encoder<string | null> = { write: (writer, path) => writer.ustring(path) };

/** Handlers of the requests that only read, by operation code. */
export const readRequests: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [OpCode.exists, exists],
  [OpCode.getData, getData],
  [OpCode.getChildren, getChildren],
  [OpCode.getChildren2, getChildren2],
  [OpCode.getACL, getAcl],
  [OpCode.getAllChildrenNumber, countDescendants],
  [OpCode.getEphemerals, getEphemerals],
  [OpCode.whoAmI, whoAmI],
  [OpCode.sync, sync],
  [OpCode.ping, () => DONE],
]);

function exists({ isCompat38 }: RequestContext, client: Client, reader: JuteReader): Answer {
  const { path: given, watch } = readRead(reader);
  const path = present(given);
  if (path.includes('\0')) return refusal(ErrorCode.BADARGUMENTS);
  const { tree, watches } = client.replica;
  const znode = tree.get(path);
  if (znode !== undefined && !isCompat38 && !isAllowed(znode.acl, Perms.READ, client.identities)) {
    return refusal(ErrorCode.NOAUTH);
  }
  if (watch) watches.watchData(path, client);
  return znode === undefined ? refusal(ErrorCode.NONODE) : success(Stat, znode.stat);
}

function getData(_: RequestContext, client: Client, reader: JuteReader): Answer {
  const { path: given, watch } = readRead(reader);
  const path = present(given);
  const znode = readable(client, path);
  if (typeof znode === 'number') return refusal(znode);
  if (watch) client.replica.watches.watchData(path, client);
  return success(GetDataResponse, { data: znode.data, stat: znode.stat });
}

function getChildren(context: RequestContext, client: Client, reader: JuteReader): Answer {
  const { path: given, watch } = readRead(reader);
  const path = present(given);
  const znode = readable(client, path);
  if (typeof znode === 'number') return refusal(znode);
  if (watch) client.replica.watches.watchChildren(path, client);
  return success(ChildrenResponse, context.namesOf(znode));
}

function getChildren2(context: RequestContext, client: Client, reader: JuteReader): Answer {
  const { path: given, watch } = readRead(reader);
  const path = present(given);
  const znode = readable(client, path);
  if (typeof znode === 'number') return refusal(znode);
  if (watch) client.replica.watches.watchChildren(path, client);
  return success(GetChildren2Response, { children: context.namesOf(znode), stat: znode.stat });
}

function getAcl(_: RequestContext, client: Client, reader: JuteReader): Answer {
  const path = present(reader.ustring());
  const znode = readable(client, path, Perms.READ | Perms.ADMIN);
  if (typeof znode === 'number') return refusal(znode);
  const acl = isAllowed(znode.acl, Perms.ADMIN, client.identities) ? znode.acl : maskDigests(znode.acl);
  return success(GetAclResponse, { acl, stat: znode.stat });
}

function countDescendants(_: RequestContext, client: Client, reader: JuteReader): Answer {
  const path = present(reader.ustring());
  const znode = readable(client, path);
  if (typeof znode === 'number') return refusal(znode);
  return success(GetAllChildrenNumberResponse, { totalNumber: client.replica.tree.countDescendants(path) });
}

/** Returns the ephemerals of the client's own session. The prefix is compared as text, not by path segments. */
function getEphemerals(_: RequestContext, client: Client, reader: JuteReader): Answer {
  const prefix = reader.ustring();
  const own = client.replica.tree.ephemeralsOf(client.sessionId);
  const isAll = prefix === null || prefix.trim() === '' || prefix.trim() === '/';
  return success(GetEphemeralsResponse, { ephemerals: isAll ? own : own.filter((path) => path.startsWith(prefix)) });
}

function whoAmI(_: RequestContext, client: Client): Answer {
  const clientInfo = client.identities.map((id) => ({ authScheme: id.scheme, user: userNameOf(id) }));
  return success(WhoAmIResponse, { clientInfo });
}

/** Returns the path without checking that it exists. A lagging client catches up. */
function sync({ database }: RequestContext, client: Client, reader: JuteReader): Answer {
  const path = reader.ustring();
  database.catchUp(client);
  return success(EchoedPath, path);
}

/** Returns a znode that the client may read, or the error code of the refusal. */
function readable(client: Client, path: string, perms: number = Perms.READ): Znode | number {
  const znode = client.replica.tree.get(path);
  if (znode === undefined) return ErrorCode.NONODE;
  return isAllowed(znode.acl, perms, client.identities) ? znode : ErrorCode.NOAUTH;
}
