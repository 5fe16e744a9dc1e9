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

/** What handlers of requests work with. */
export interface RequestContext {
  readonly database: Database;
  /** What writes are checked against. */
  readonly outlook: Outlook;
  readonly allowsTtl: boolean;
  readonly isCompat38: boolean;
  /** Names of a znode's children, in the order in which this server lists them. */
  namesOf(znode: Znode): readonly string[];
}

/** Reads the record of a request, does what it asks for, and says what came of it. */
export type Handler = (context: RequestContext, client: Client, reader: JuteReader) => Answer;

const handlersOfAll = [...readRequests, ...watchRequests, ...writeRequests, ...multiRequests];
const handlersBefore39: ReadonlyMap<number, Handler> = new Map([...handlersOfAll, ...writeRequestsBefore39]);
const handlersSince39: ReadonlyMap<number, Handler> = new Map([...handlersOfAll, ...writeRequestsSince39]);

/** Operations after which a client that lagged has seen the present: a follower answers them when it has caught up. */
const writes: ReadonlySet<number> = new Set([...writeRequests.keys(), OpCode.multi]);

/** Does what clients ask for: one request after the other, each to its end. */
export class RequestProcessor {
  readonly #context: RequestContext;
  readonly #handlers: ReadonlyMap<number, Handler>;

  constructor(context: RequestContext) {
    this.#context = context;
    this.#handlers = context.isCompat38 ? handlersBefore39 : handlersSince39;
  }

  /** Whether there is such an operation; for one that there is not, the real server closes the connection. */
  knows(opCode: number): boolean {
    return this.#handlers.has(opCode) || opCode === OpCode.closeSession;
  }

  /**
   * Processes one request. Its events have been sent when this returns.
   *
   * @param reader at the record, behind the header
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
