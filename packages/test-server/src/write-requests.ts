import {
  Create2Response,
  CreateResponse,
  ErrorCode,
  type JuteReader,
  OpCode,
  ReconfigRequest,
  Stat,
} from 'zookeeper-ts-client/protocol';
import { type Answer, DONE, HANG_UP, refusal, SILENCE, success } from './answer.js';
import type { Client } from './client.js';
import {
  type Outlook,
  type Prepared,
  prepareCheck,
  prepareCreate,
  prepareDelete,
  prepareSetAcl,
  prepareSetData,
  type Requester,
} from './prepare.js';
import type { Handler, RequestContext } from './request-processor.js';
import {
  type GivenCreate,
  readCreate,
  readCreateTtl,
  readSetAcl,
  readSetData,
  readVersion,
} from './request-records.js';
import type { Applied, CreateTransaction, Transaction } from './transaction.js';

/** Create flags of the two kinds of TTL znodes. */
const TTL_FLAGS: readonly number[] = [5, 6];

/** The requests that change something, by operation code. */
export const writeRequests: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [OpCode.create, creation(OpCode.create, readCreate, ({ path }) => success(CreateResponse, { path }))],
  ...[OpCode.create2, OpCode.createContainer].map((opCode): [number, Handler] => [
    opCode,
    creation(opCode, readCreate, withStat),
  ]),
  [OpCode.createTTL, creation(OpCode.createTTL, readCreateTtl, withStat)],
  [OpCode.delete, change(readVersion, prepareDelete, () => DONE)],
  [OpCode.setData, change(readSetData, prepareSetData, onlyStat)],
  [OpCode.setACL, change(readSetAcl, prepareSetAcl, onlyStat)],
  [OpCode.reconfig, reconfig],
]);

/**
 * What servers before 3.9 did with operations that clients do not send. They read the path of `deleteContainer` wrongly, and found it bad. A
 * `check` that succeeds has an answer that they failed to write.
 */
export const writeRequestsBefore39: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [
    OpCode.deleteContainer,
    change(
      () => null,
      () => ErrorCode.BADARGUMENTS,
      () => DONE,
    ),
  ],
  [OpCode.check, change(readVersion, prepareCheck, () => SILENCE)],
]);

/** What servers do since: 3.9.6 ends a connection that sends `deleteContainer`, and does not know `check`. */
export const writeRequestsSince39: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [OpCode.deleteContainer, () => HANG_UP],
]);

/**
 * A request that becomes one transaction, if nothing is against it. When it is refused, its zxid is used up as well. One
 * that cannot be read used up a zxid before 3.9, and does no more.
 */
function change<Request, T extends Transaction>(
  read: (reader: JuteReader) => Request,
  prepare: (request: Request, outlook: Outlook, requester: Requester) => Prepared<T>,
  answer: (transaction: T, applied: Applied) => Answer,
): Handler {
  return ({ database, outlook, isCompat38 }, client, reader) => {
    const early = isCompat38 ? database.nextZxid() : null;
    const request = read(reader);
    const zxid = early ?? database.nextZxid();
    const prepared = prepare(request, outlook, client);
    if (typeof prepared === 'number') return refusal(prepared);
    return answer(prepared, database.commitOne(prepared, zxid));
  };
}

/** This server is none of an ensemble whose members could change. */
function reconfig({ database }: RequestContext, _: Client, reader: JuteReader): Answer {
  ReconfigRequest.read(reader);
  database.nextZxid();
  return refusal(ErrorCode.RECONFIGDISABLED);
}

function creation(
  opCode: number,
  read: (reader: JuteReader) => GivenCreate,
  answer: (transaction: CreateTransaction, applied: Applied) => Answer,
): Handler {
  const create = change(read, (request, outlook, client) => prepareCreate(opCode, request, outlook, client), answer);
  const refuseTtl = change(
    read,
    (request, outlook, client) =>
      TTL_FLAGS.includes(request.flags) ? ErrorCode.UNIMPLEMENTED : prepareCreate(opCode, request, outlook, client),
    answer,
  );
  return (context, client, reader) => (context.allowsTtl ? create : refuseTtl)(context, client, reader);
}

function withStat({ path }: CreateTransaction, { stat }: Applied): Answer {
  return success(Create2Response, { path, stat: stat as Stat });
}

function onlyStat(_: Transaction, { stat }: Applied): Answer {
  return success(Stat, stat as Stat);
}
