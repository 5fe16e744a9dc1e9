import {
  type CreateRequest,
  type DeleteRequest,
  ErrorCode,
  type JuteReader,
  MarshallingError,
  MultiRequest,
  type MultiRequestItem,
  MultiResponse,
  type MultiResponseItem,
  OpCode,
  type ReadRequest,
  type SetDataRequest,
  type Stat,
} from 'zookeeper-ts-client/protocol';
import { isAllowed, Perms } from './access-control.js';
import { type Answer, refusal, success } from './answer.js';
import type { Client } from './client.js';
import { PendingChanges } from './pending-changes.js';
import { type Outlook, type Prepared, prepareCheck, prepareCreate, prepareDelete, prepareSetData } from './prepare.js';
import type { Handler, RequestContext } from './request-processor.js';
import type { Applied, Transaction } from './transaction.js';

/** `multi` and `multiRead`, by operation code. */
export const multiRequests: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [OpCode.multi, multi],
  [OpCode.multiRead, multiRead],
]);

/** All or nothing: checks each operation against what those before it will have done, then applies them all. */
function multi(context: RequestContext, client: Client, reader: JuteReader): Answer {
  const { database, outlook, isCompat38 } = context;
  const items = readItems(reader);
  const reads = items?.filter(isRead).length ?? 0;
  // A mixture is noticed before the request gets its number.
  if (items !== null && reads > 0 && reads < items.length) return refusal(ErrorCode.MARSHALLINGERROR);
  const zxid = database.nextZxid();
  if (items === null || reads > 0) return refusal(ErrorCode.MARSHALLINGERROR);
  const pending = new PendingChanges(outlook);
  const transactions: Transaction[] = [];
  for (const item of items) {
    const prepared = prepare(item, pending, client, context.allowsTtl);
    if (typeof prepared === 'number') {
      return success(MultiResponse, failure(items.length, transactions.length, prepared));
    }
    pending.add(prepared);
    transactions.push(prepared);
  }
  const applied = database.commit(transactions, zxid);
  const results = transactions.map((transaction, index) => {
    const hasStat = items[index]?.type !== OpCode.create && !(isCompat38 && items[index]?.type === OpCode.create2);
    return resultOf(transaction, applied[index] as Applied, hasStat);
  });
  return success(MultiResponse, results);
}

/** The operations of a request; `null` when they cannot be read. */
function readItems(reader: JuteReader): readonly MultiRequestItem[] | null {
  try {
    return MultiRequest.read(reader);
  } catch (error) {
    if (error instanceof MarshallingError) return null;
    throw error;
  }
}

/** The odd form of failure: success for those before the culprit, though they were not done. */
function failure(length: number, culprit: number, errorCode: number): readonly MultiResponseItem[] {
  return Array.from({ length }, (_, index) => {
    if (index === culprit) return { type: 'error', errorCode };
    return { type: 'error', errorCode: index < culprit ? ErrorCode.OK : ErrorCode.RUNTIMEINCONSISTENCY };
  });
}

function prepare(
  { type, request }: MultiRequestItem,
  outlook: Outlook,
  client: Client,
  allowsTtl: boolean,
): Prepared<Transaction> {
  switch (type) {
    case OpCode.delete:
      return prepareDelete(request as DeleteRequest, outlook, client);
    case OpCode.setData:
      return prepareSetData(request as SetDataRequest, outlook, client);
    case OpCode.check:
      return prepareCheck(request as DeleteRequest, outlook, client);
    default: {
      const create = request as CreateRequest;
      if (!allowsTtl && (create.flags === 5 || create.flags === 6)) return ErrorCode.UNIMPLEMENTED;
      return prepareCreate(type, create, outlook, client);
    }
  }
}

function resultOf(transaction: Transaction, { stat }: Applied, hasStat: boolean): MultiResponseItem {
  switch (transaction.type) {
    case 'create':
      return { type: 'create', path: transaction.path, stat: hasStat ? stat : null };
    case 'setData':
      return { type: 'setData', stat: stat as Stat };
    case 'delete':
      return { type: 'delete' };
    default:
      return { type: 'check' };
  }
}

function isRead({ type }: MultiRequestItem): boolean {
  return type === OpCode.getData || type === OpCode.getChildren;
}

/** Several reads, each with its own outcome; none of them leaves a watch. */
function multiRead(context: RequestContext, client: Client, reader: JuteReader): Answer {
  const items = MultiRequest.read(reader);
  if (!items.every(isRead)) return refusal(ErrorCode.MARSHALLINGERROR);
  const results = items.map(({ type, request }): MultiResponseItem => {
    const znode = client.replica.tree.get((request as ReadRequest).path);
    if (znode === undefined) return { type: 'error', errorCode: ErrorCode.NONODE };
    if (!isAllowed(znode.acl, Perms.READ, client.identities)) return { type: 'error', errorCode: ErrorCode.NOAUTH };
    if (type === OpCode.getData) return { type: 'getData', data: znode.data, stat: znode.stat };
    return { type: 'getChildren', children: context.namesOf(znode) };
  });
  return success(MultiResponse, results);
}
