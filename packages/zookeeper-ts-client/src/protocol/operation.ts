import type { Decoder, Encoder } from '../jute/codec.js';

/** An operation as plain data: what the session needs in order to send a request and to read its reply. */
export interface Operation<Request, Response> {
  /** Name in ZooKeeper's words, for errors and diagnostics. */
  readonly name: string;
  readonly opCode: number;
  readonly request: Encoder<Request>;
  readonly response: Decoder<Response>;
  /** Whether it changes nothing on the servers, so that it may be sent again whatever became of it. Default false. */
  readonly isRead?: true;
  /** Number of parts of a request that are answered each by itself. Default 1. */
  readonly parts?: (request: Request) => number;
}
