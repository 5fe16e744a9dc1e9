import {
  Create2Response,
  CreateRequest,
  CreateResponse,
  CreateTtlRequest,
  type Decoder,
  DeleteRequest,
  ErrorCode,
  type JuteReader,
  OpCode,
  ReconfigRequest,
  SetAclRequest,
  SetDataRequest,
  Stat,
} from 'zookeeper-ts-client/protocol';
import { type Answer, DONE, refusal, success } from './answer.js';
import type { Client } from './client.js';
import {
  type Outlook,
  type Prepared,
  prepareCreate,
  prepareDelete,
  prepareSetAcl,
  prepareSetData,
  type Requester,
} from './prepare.js';
import type { Handler, RequestContext } from './request-processor.js';
import type { Applied, CreateTransaction, Transaction } from './transaction.js';

/** Create flags of the two kinds of TTL znodes. */
const TTL_FLAGS: readonly number[] = [5, 6];

/** The requests that change something, by operation code. */
export const writeRequests: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [OpCode.create, creation(OpCode.create, CreateRequest, ({ path }) => success(CreateResponse, { path }))],
  ...[OpCode.create2, OpCode.createContainer].map((opCode): [number, Handler] => [
    opCode,
    creation(opCode, CreateRequest, withStat),
  ]),
  [OpCode.createTTL, creation(OpCode.createTTL, CreateTtlRequest, withStat)],
  [OpCode.delete, change(DeleteRequest, prepareDelete, () => DONE)],
  [OpCode.setData, change(SetDataRequest, prepareSetData, onlyStat)],
  [OpCode.setACL, change(SetAclRequest, prepareSetAcl, onlyStat)],
  [OpCode.reconfig, reconfig],
]);

/**
 * A request that becomes one transaction, if nothing is against it. When it is refused, its zxid is used up as well. One
 * that cannot be read used up a zxid before 3.9, and does no more.
 */
function change<Request, T extends Transaction>(
  codec: Decoder<Request>,
  prepare: (request: Request, outlook: Outlook, requester: Requester) => Prepared<T>,
  answer: (transaction: T, applied: Applied) => Answer,
): Handler {
  return ({ database, outlook, isCompat38 }, client, reader) => {
    const early = isCompat38 ? database.nextZxid() : null;
    const request = codec.read(reader);
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

function creation<Request extends CreateRequest>(
  opCode: number,
  codec: Decoder<Request>,
  answer: (transaction: CreateTransaction, applied: Applied) => Answer,
): Handler {
  const create = change(codec, (request, outlook, client) => prepareCreate(opCode, request, outlook, client), answer);
  const refuseTtl = change(
    codec,
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
