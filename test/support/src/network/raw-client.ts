import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { FrameSplitter } from './frame-splitter.js';

/** A reply as the wire has it. */
export interface RawReply {
  readonly xid: number;
  readonly zxid: bigint;
  /** Error code; 0 for success. */
  readonly error: number;
  /** The record after the header. */
  readonly body: Buffer;
}

/**
 * The least of a ZooKeeper client: a socket, the handshake, and frames. It has nothing in common with the client under
 * test, so that servers and proxies can be tested without it.
 */
export class RawClient implements AsyncDisposable {
  readonly sessionId: bigint;
  readonly #socket: Socket;
  readonly #frames: AsyncIterator<Buffer>;
  #xid = 0;

  private constructor(socket: Socket, frames: AsyncIterator<Buffer>, sessionId: bigint) {
    this.#socket = socket;
    this.#frames = frames;
    this.sessionId = sessionId;
  }

  /** Connects to `host:port` and opens a session. */
  static async connect(address: string, sessionTimeoutMs = 10_000): Promise<RawClient> {
    const colon = address.lastIndexOf(':');
    const socket = connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)) });
    await once(socket, 'connect');
    const frames = framesOf(socket);
    // ConnectRequest: protocol version, last zxid, timeout, session id, password of 16 bytes, read-only flag.
    const request = Buffer.alloc(4 + 45);
    request.writeInt32BE(45, 0);
    request.writeInt32BE(sessionTimeoutMs, 16);
    request.writeInt32BE(16, 28);
    socket.write(request);
    const response = await frames.next();
    if (response.done) throw new Error('The connection ended during the handshake');
    return new RawClient(socket, frames, response.value.readBigInt64BE(12));
  }

  /** Sends a request; returns its xid. */
  send(op: number, record: Buffer = Buffer.alloc(0)): number {
    this.#xid += 1;
    const header = Buffer.alloc(12);
    header.writeInt32BE(8 + record.length, 0);
    header.writeInt32BE(this.#xid, 4);
    header.writeInt32BE(op, 8);
    this.#socket.write(Buffer.concat([header, record]));
    return this.#xid;
  }

  /** The next frame from the server; `undefined` when the connection has ended. */
  async reply(): Promise<RawReply | undefined> {
    const { value: frame, done } = await this.#frames.next();
    if (done) return undefined;
    return {
      xid: frame.readInt32BE(4),
      zxid: frame.readBigInt64BE(8),
      error: frame.readInt32BE(16),
      body: frame.subarray(20),
    };
  }

  /** Sends a request and waits for the next frame. */
  async call(op: number, record?: Buffer): Promise<RawReply | undefined> {
    this.send(op, record);
    return await this.reply();
  }

  /** Breaks the connection and leaves the session to expire. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
  }
}

/** A jute string: its length, then its bytes. */
export function ustring(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length, 0);
  return Buffer.concat([length, bytes]);
}

async function* framesOf(socket: Socket): AsyncGenerator<Buffer, undefined> {
  const splitter = new FrameSplitter();
  try {
    for await (const chunk of socket) yield* splitter.push(chunk as Buffer);
  } catch {
    // A broken connection ends the frames as an orderly one does.
  }
  return undefined;
}
