import { ErrorCode, type JuteReader, MarshallingError, OpCode } from 'zookeeper-ts-client/protocol';
import { type Answer, DONE, refusal } from './answer.js';
import type { Client } from './client.js';
import type { Database } from './database.js';
import { multiRequests } from './multi-requests.js';
import type { Outlook } from './prepare.js';
import { readRequests } from './read-requests.js';
import { watchRequests } from './watch-requests.js';
import { writeRequests } from './write-requests.js';
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

const handlers: ReadonlyMap<number, Handler> = new Map([
  ...readRequests,
  ...watchRequests,
  ...writeRequests,
  ...multiRequests,
]);

/** Operations after which a client that lagged has seen the present: a follower answers them when it has caught up. */
const writes: ReadonlySet<number> = new Set([...writeRequests.keys(), OpCode.multi]);

/** Does what clients ask for: one request after the other, each to its end. */
export class RequestProcessor {
  readonly #context: RequestContext;

  constructor(context: RequestContext) {
    this.#context = context;
  }

  /** Whether there is such an operation; for one that there is not, the real server closes the connection. */
  knows(opCode: number): boolean {
    return handlers.has(opCode) || opCode === OpCode.closeSession;
  }

  /**
   * Processes one request. Its events have been sent when this returns.
   *
   * @param reader at the record, behind the header
   */
  process(client: Client, opCode: number, reader: JuteReader): Answer {
    const handler = handlers.get(opCode);
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
