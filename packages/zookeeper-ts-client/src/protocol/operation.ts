import type { Decoder, Encoder } from '../jute/codec.js';

/** Operation as plain data: everything that the session needs to send a request and to read its reply. */
export interface Operation<Request, Response> {
  /** Name in ZooKeeper's terms, for errors and diagnostics. */
  readonly name: string;
  readonly opCode: number;
  readonly request: Encoder<Request>;
  readonly response: Decoder<Response>;
  /** Whether the operation changes nothing on the servers, so that the client may send it again after any outcome. Default false. */
  readonly isRead?: true;
  /** Returns the number of parts of a request that the server answers separately. Default 1. */
  readonly parts?: (request: Request) => number;
}
