import {
  ErrorCode,
  type JuteReader,
  MarshallingError,
  MultiHeader,
  MultiResponse,
  type MultiResponseItem,
  OpCode,
  type Stat,
} from 'zookeeper-ts-client/protocol';
import { isAllowed, Perms } from './access-control.js';
import { type Answer, refusal, success } from './answer.js';
import type { Client } from './client.js';
import { PendingChanges } from './pending-changes.js';
import { type Outlook, type Prepared, prepareCheck, prepareCreate, prepareDelete, prepareSetData } from './prepare.js';
import type { Handler, RequestContext } from './request-processor.js';
import {
  type GivenCreate,
  type GivenData,
  type GivenRead,
  type GivenVersion,
  present,
  readCreate,
  readCreateTtl,
  readRead,
  readSetData,
  readVersion,
  UnexpectedNullError,
} from './request-records.js';
import type { Applied, Transaction } from './transaction.js';

/** Create flags of containers and of TTL znodes. */
const CONTAINER_FLAG = 4;
const TTL_FLAGS: readonly number[] = [5, 6];
const LAST_FLAG = 6;

/** Operation that changes or checks a znode. */
type Write =
  | { readonly kind: 'create'; readonly opCode: number; readonly request: GivenCreate }
  | { readonly kind: 'delete'; readonly request: GivenVersion }
  | { readonly kind: 'setData'; readonly request: GivenData }
  | { readonly kind: 'check'; readonly request: GivenVersion };

/** Operation that only reads. */
interface Read {
  readonly kind: 'getData' | 'getChildren';
  readonly request: GivenRead;
}

/** Handlers of `multi` and `multiRead`, by operation code. */
export const multiRequests: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [OpCode.multi, multi],
  [OpCode.multiRead, multiRead],
]);

/** Executes all operations or none: checks each operation against the result of the operations before it, then applies all of them. */
function multi(context: RequestContext, client: Client, reader: JuteReader): Answer {
  const { database, outlook, isCompat38 } = context;
  const items = readOrUseUpZxid(context, reader);
  if (isCompat38 && items.some(isWithoutPath)) {
    // A server before 3.9 fails after it has assigned a zxid, and without a header for the error: it continues with an empty answer.
    database.skipZxid();
    return malformedAfter([]);
  }
  const zxid = database.nextZxid();
  if (items.some(isWithoutPath) || !items.every(isWrite)) return refusal(ErrorCode.MARSHALLINGERROR);
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
  const results = transactions.map((transaction, index) =>
    resultOf(transaction, applied[index] as Applied, hasStat(items[index] as Write, isCompat38)),
  );
  return success(MultiResponse, results);
}

/** Reads the operations. A malformed record uses up a zxid; an unexpected null does not. */
function readOrUseUpZxid({ database, isCompat38 }: RequestContext, reader: JuteReader): readonly (Write | Read)[] {
  try {
    return readItems(reader, isCompat38);
  } catch (error) {
    if (!(error instanceof UnexpectedNullError)) database.nextZxid();
    throw error;
  }
}

/** @throws {MarshallingError} for a malformed record, for reads mixed with writes, and for an operation that a `multi` cannot contain */
function readItems(reader: JuteReader, isCompat38: boolean): readonly (Write | Read)[] {
  const items: (Write | Read)[] = [];
  for (let header = MultiHeader.read(reader); !header.done; header = MultiHeader.read(reader)) {
    const item = readItem(header.type, reader);
    if (item.kind === 'create' && !isCompat38) checkCreate(item);
    if (isWrite(item) !== isWrite(items[0] ?? item)) throw new MarshallingError('multi of reads and writes');
    items.push(item);
  }
  return items;
}

function readItem(opCode: number, reader: JuteReader): Write | Read {
  switch (opCode) {
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
      return { kind: 'create', opCode, request: readCreate(reader) };
    case OpCode.createTTL:
      return { kind: 'create', opCode, request: readCreateTtl(reader) };
    case OpCode.delete:
      return { kind: 'delete', request: readVersion(reader) };
    case OpCode.setData:
      return { kind: 'setData', request: readSetData(reader) };
    case OpCode.check:
      return { kind: 'check', request: readVersion(reader) };
    case OpCode.getData:
      return { kind: 'getData', request: readRead(reader) };
    case OpCode.getChildren:
      return { kind: 'getChildren', request: readRead(reader) };
    default:
      throw new MarshallingError(`operation ${opCode} in a multi`);
  }
}

/** Checks a create while its record is read, as since 3.9. Errors are invalid flags, flags of a TTL znode without a TTL, and a null ACL. */
function checkCreate({ opCode, request: { flags, acl } }: Write & { readonly kind: 'create' }): void {
  if (opCode === OpCode.createTTL) return;
  if (flags < 0 || flags > LAST_FLAG) throw new MarshallingError(`create with the flags ${flags}`);
  present(acl);
  if (TTL_FLAGS.includes(flags)) throw new MarshallingError(`create with the flags ${flags} and no TTL`);
}

function isWithoutPath({ request }: Write | Read): boolean {
  return request.path === null;
}

/** Creates the answer for a malformed record that the server finds after it has begun to answer: the results so far follow the error. */
function malformedAfter(results: readonly MultiResponseItem[]): Answer {
  return { ...success(MultiResponse, results), error: ErrorCode.MARSHALLINGERROR };
}

function isWrite(item: Write | Read): item is Write {
  return item.kind !== 'getData' && item.kind !== 'getChildren';
}

/**
 * Returns the type of a create. In a `multi`, unlike in a separate request, the flags take precedence over the operation code. Before 3.9
 * only the flags counted.
 *
 * @see org.apache.zookeeper.Op.Create#getOpcode
 */
function creationType(opCode: number, flags: number, isCompat38: boolean): number {
  if (TTL_FLAGS.includes(flags)) return OpCode.createTTL;
  if (flags === CONTAINER_FLAG) return OpCode.createContainer;
  return isCompat38 || opCode === OpCode.createTTL ? OpCode.create : opCode;
}

/** Whether the result of a create has a `Stat`. */
function hasStat(item: Write, isCompat38: boolean): boolean {
  return item.kind === 'create' && creationType(item.opCode, item.request.flags, isCompat38) !== OpCode.create;
}

/**
 * Creates the results of a failed `multi`. Operations before the failed one report success although they were not executed, as on the real
 * server.
 */
function failure(length: number, culprit: number, errorCode: number): readonly MultiResponseItem[] {
  return Array.from({ length }, (_, index) => {
    if (index === culprit) return { type: 'error', errorCode };
    return { type: 'error', errorCode: index < culprit ? ErrorCode.OK : ErrorCode.RUNTIMEINCONSISTENCY };
  });
}

function prepare(
  item: Write,
  outlook: Outlook,
  client: Client,
  { allowsTtl, isCompat38 }: RequestContext,
): Prepared<Transaction> {
  switch (item.kind) {
    case 'delete':
      return prepareDelete(item.request, outlook, client);
    case 'setData':
      return prepareSetData(item.request, outlook, client);
    case 'check':
      return prepareCheck(item.request, outlook, client);
    default: {
      const { opCode, request } = item;
      const isTtl = TTL_FLAGS.includes(request.flags);
      // A server before 3.9 decodes the request with the wrong type, and the whole `multi` fails.
      if (opCode !== OpCode.createTTL && isTtl) return ErrorCode.MARSHALLINGERROR;
      if (!allowsTtl && isTtl) return ErrorCode.UNIMPLEMENTED;
      return prepareCreate(creationType(opCode, request.flags, isCompat38), request, outlook, client);
    }
  }
}

function resultOf(transaction: Transaction, { stat }: Applied, withStat: boolean): MultiResponseItem {
  switch (transaction.type) {
    case 'create':
      return { type: 'create', path: transaction.path, stat: withStat ? stat : null };
    case 'setData':
      return { type: 'setData', stat: stat as Stat };
    case 'delete':
      return { type: 'delete' };
    default:
      return { type: 'check' };
  }
}

/**
 * Executes several reads, each with its own outcome; none of them sets a watch. The real server finds a write, or a null path, after it has
 * begun to answer: the results so far follow the error.
 */
function multiRead(context: RequestContext, client: Client, reader: JuteReader): Answer {
  const results: MultiResponseItem[] = [];
  for (const item of readItems(reader, context.isCompat38)) {
    const { path } = item.request;
    if (isWrite(item) || path === null) {
      return malformedAfter(results);
    }
    results.push(readResult(context, client, item.kind, path));
  }
  return success(MultiResponse, results);
}

function readResult(context: RequestContext, client: Client, kind: Read['kind'], path: string): MultiResponseItem {
  const znode = client.replica.tree.get(path);
  if (znode === undefined) return { type: 'error', errorCode: ErrorCode.NONODE };
  if (!isAllowed(znode.acl, Perms.READ, client.identities)) return { type: 'error', errorCode: ErrorCode.NOAUTH };
  if (kind === 'getData') return { type: 'getData', data: znode.data, stat: znode.stat };
  return { type: 'getChildren', children: context.namesOf(znode) };
}
