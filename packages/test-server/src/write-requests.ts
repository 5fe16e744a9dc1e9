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

/** Handlers of the requests that change data, by operation code. */
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
 * Handlers of operations that clients do not send, as in servers before 3.9. These servers read the path of `deleteContainer` wrongly, and
 * refused it as invalid. After a successful `check` they failed to write the reply.
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

/** Handlers of such operations since 3.9: 3.9.6 closes a connection that sends `deleteContainer`, and does not know `check`. */
export const writeRequestsSince39: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [OpCode.deleteContainer, () => HANG_UP],
]);

/**
 * Creates a handler for a request that becomes one transaction if its checks succeed. A refused request also uses up its zxid. A request
 * that cannot be read used up a zxid before 3.9, and no longer does.
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

/** Refuses a reconfiguration, because this server has no ensemble. */
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
