import {
  type CreateRequest,
  type DeleteRequest,
  ErrorCode,
  type JuteReader,
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

/** Create flags of containers and of TTL znodes. */
const CONTAINER_FLAG = 4;
const TTL_FLAGS: readonly number[] = [5, 6];

/** `multi` and `multiRead`, by operation code. */
export const multiRequests: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [OpCode.multi, multi],
  [OpCode.multiRead, multiRead],
]);

/** All or nothing: checks each operation against what those before it will have done, then applies them all. */
function multi(context: RequestContext, client: Client, reader: JuteReader): Answer {
  const { database, outlook, isCompat38 } = context;
  const zxid = database.nextZxid();
  const items = MultiRequest.read(reader);
  if (items.some(isRead) || (!isCompat38 && items.some(hasUnknownMode))) return refusal(ErrorCode.MARSHALLINGERROR);
  const pending = new PendingChanges(outlook);
  const transactions: Transaction[] = [];
  for (const item of items) {
    const prepared = prepare(item, pending, client, context);
    if (prepared === ErrorCode.MARSHALLINGERROR) return refusal(prepared);
    if (typeof prepared === 'number') {
      return success(MultiResponse, failure(items.length, transactions.length, prepared));
    }
    pending.add(prepared);
    transactions.push(prepared);
  }
  const applied = database.commit(transactions, zxid);
  const results = transactions.map((transaction, index) => {
    const hasStat = creationType(items[index] as MultiRequestItem, isCompat38) !== OpCode.create;
    return resultOf(transaction, applied[index] as Applied, hasStat);
  });
  return success(MultiResponse, results);
}

/**
 * The create that an operation stands for: in a `multi`, unlike outside, the flags decide before the code does. Before
 * 3.9 only they did.
 *
 * @see org.apache.zookeeper.Op.Create#getOpcode
 */
function creationType({ type, request }: MultiRequestItem, isCompat38: boolean): number {
  const { flags } = request as CreateRequest;
  if (type === OpCode.createTTL) return TTL_FLAGS.includes(flags) ? type : OpCode.create;
  if (flags === CONTAINER_FLAG) return OpCode.createContainer;
  return isCompat38 ? OpCode.create : type;
}

/** Whether an operation is a create with flags that mean nothing. */
function hasUnknownMode({ type, request }: MultiRequestItem): boolean {
  const isCreate = type === OpCode.create || type === OpCode.create2 || type === OpCode.createContainer;
  return isCreate && !((request as CreateRequest).flags >= 0 && (request as CreateRequest).flags <= 6);
}

/** The odd form of failure: success for those before the culprit, though they were not done. */
function failure(length: number, culprit: number, errorCode: number): readonly MultiResponseItem[] {
  return Array.from({ length }, (_, index) => {
    if (index === culprit) return { type: 'error', errorCode };
    return { type: 'error', errorCode: index < culprit ? ErrorCode.OK : ErrorCode.RUNTIMEINCONSISTENCY };
  });
}

function prepare(
  item: MultiRequestItem,
  outlook: Outlook,
  client: Client,
  { allowsTtl, isCompat38 }: RequestContext,
): Prepared<Transaction> {
  const { type, request } = item;
  switch (type) {
    case OpCode.delete:
      return prepareDelete(request as DeleteRequest, outlook, client);
    case OpCode.setData:
      return prepareSetData(request as SetDataRequest, outlook, client);
    case OpCode.check:
      return prepareCheck(request as DeleteRequest, outlook, client);
    default: {
      const create = request as CreateRequest;
      // The real server takes it for a request that it is not, and fails as a whole.
      if (type !== OpCode.createTTL && TTL_FLAGS.includes(create.flags)) return ErrorCode.MARSHALLINGERROR;
      if (!allowsTtl && TTL_FLAGS.includes(create.flags)) return ErrorCode.UNIMPLEMENTED;
      return prepareCreate(creationType(item, isCompat38), create, outlook, client);
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
  const reads = items.filter(isRead).length;
  // The real server notices writes when it has begun to answer, and a mixture before.
  if (items.length > 0 && reads === 0) return { ...success(MultiResponse, []), error: ErrorCode.MARSHALLINGERROR };
  if (reads < items.length) return refusal(ErrorCode.MARSHALLINGERROR);
  const results = items.map(({ type, request }): MultiResponseItem => {
    const znode = client.replica.tree.get((request as ReadRequest).path);
    if (znode === undefined) return { type: 'error', errorCode: ErrorCode.NONODE };
    if (!isAllowed(znode.acl, Perms.READ, client.identities)) return { type: 'error', errorCode: ErrorCode.NOAUTH };
    if (type === OpCode.getData) return { type: 'getData', data: znode.data, stat: znode.stat };
    return { type: 'getChildren', children: context.namesOf(znode) };
  });
  return success(MultiResponse, results);
}
