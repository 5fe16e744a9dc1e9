import { ErrorCode, type JuteReader, MarshallingError, OpCode } from 'zookeeper-ts-client/protocol';
import { type Answer, DONE, refusal } from './answer.js';
import type { Client } from './client.js';
import type { Database } from './database.js';
import { multiRequests } from './multi-requests.js';
import type { Outlook } from './prepare.js';
import { readRequests } from './read-requests.js';
import { watchRequests } from './watch-requests.js';
import { writeRequests, writeRequestsBefore39, writeRequestsSince39 } from './write-requests.js';
import type { Znode } from './znode.js';

/** Context of the request handlers. */
export interface RequestContext {
  readonly database: Database;
  /** View against which writes are checked. */
  readonly outlook: Outlook;
  readonly allowsTtl: boolean;
  readonly isCompat38: boolean;
  /** Returns the names of a znode's children, in the order in which this server lists them. */
  namesOf(znode: Znode): readonly string[];
}

/** Handler that reads the record of a request, executes it, and returns the answer. */
export type Handler = (context: RequestContext, client: Client, reader: JuteReader) => Answer;

const handlersOfAll = [...readRequests, ...watchRequests, ...writeRequests, ...multiRequests];
const handlersBefore39: ReadonlyMap<number, Handler> = new Map([...handlersOfAll, ...writeRequestsBefore39]);
const handlersSince39: ReadonlyMap<number, Handler> = new Map([...handlersOfAll, ...writeRequestsSince39]);

/** Operations after which a lagging client has caught up: a follower answers them only when it has caught up. */
const writes: ReadonlySet<number> = new Set([...writeRequests.keys(), OpCode.multi]);

/** Executes the requests of clients completely, one after the other. */
export class RequestProcessor {
  readonly #context: RequestContext;
  readonly #handlers: ReadonlyMap<number, Handler>;

  constructor(context: RequestContext) {
    this.#context = context;
    this.#handlers = context.isCompat38 ? handlersBefore39 : handlersSince39;
  }

  /** Whether the operation is known. After an unknown operation the real server closes the connection. */
  knows(opCode: number): boolean {
    return this.#handlers.has(opCode) || opCode === OpCode.closeSession;
  }

  /**
   * Processes one request. Its events have been sent when this method returns.
   *
   * @param reader reader at the record, after the header
   */
  process(client: Client, opCode: number, reader: JuteReader): Answer {
    const handler = this.#handlers.get(opCode);
    if (handler === undefined) return opCode === OpCode.closeSession ? DONE : refusal(ErrorCode.UNIMPLEMENTED);
    if (writes.has(opCode)) this.#context.database.catchUp(client);
    try {
      return handler(this.#context, client, reader);
    } catch (error) {
      if (error instanceof MarshallingError) return refusal(ErrorCode.MARSHALLINGERROR);
      throw error;
    }
  }
}
