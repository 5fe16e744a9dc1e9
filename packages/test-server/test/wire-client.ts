import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  ConnectRequest,
  ConnectResponse,
  type Encoder,
  JuteReader,
  JuteWriter,
  OpCode,
  ReplyHeader,
  RequestHeader,
  SpecialXid,
  WatcherEvent,
} from 'zookeeper-ts-client/protocol';

/** How to connect; what is left out makes a new session. */
export interface WireOptions {
  readonly timeoutMs?: number;
  readonly sessionId?: bigint;
  readonly password?: Uint8Array | null;
  readonly lastZxid?: bigint;
}

/** One frame of the server after the handshake. */
interface WireFrame extends ReplyHeader {
  /** Reader at the record. */
  readonly body: JuteReader;
  /** The record. */
  readonly bytes: Buffer;
}

/** A reply with the events that came before it. */
export interface WireReply {
  /** `null` when the connection ended instead. */
  readonly reply: WireFrame | null;
  readonly events: readonly (WatcherEvent & { readonly zxid: bigint })[];
}

/** The frames of both directions as they are: no session logic, no error classes, nothing repeated. */
export class WireClient implements AsyncDisposable {
  readonly socket: Socket;
  /** The answer to the handshake. */
  response: ConnectResponse | null = null;
  #rest: Buffer = Buffer.alloc(0);
  readonly #frames: Buffer[] = [];
  #isEnded = false;
  #wake: () => void = () => {};
  #xid = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.#split(bytes);
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#isEnded = true;
      this.#wake();
    });
  }

  /** Opens a socket and says nothing. */
  static async open(address: string): Promise<WireClient> {
    const [, host = '', port] = /^\[?([^\]]*?)\]?:(\d+)$/.exec(address) ?? [];
    const socket = connect({ host, port: Number(port) });
    socket.setNoDelay(true);
    const client = new WireClient(socket);
    await once(socket, 'connect');
    return client;
  }

  /** Opens a socket and shakes hands; `response` stays `null` when the server closes without an answer. */
  static async connect(address: string, options: WireOptions = {}): Promise<WireClient> {
    const client = await WireClient.open(address);
    const { timeoutMs = 10_000, sessionId = 0n, password = Buffer.alloc(16), lastZxid = 0n } = options;
    const request = { protocolVersion: 0, lastZxidSeen: lastZxid, timeOut: timeoutMs, sessionId, passwd: password };
    client.sendFrame((writer) => ConnectRequest.write(writer, { ...request, readOnly: false }));
    const frame = await client.nextFrame();
    if (frame !== null) client.response = ConnectResponse.read(JuteReader.over(frame));
    return client;
  }

  get sessionId(): bigint {
    return this.response?.sessionId ?? 0n;
  }

  /** Sends a frame with its length. */
  sendFrame(write: (writer: JuteWriter) => void): void {
    const writer = new JuteWriter();
    writer.beginFrame();
    write(writer);
    writer.endFrame();
    this.socket.write(writer.take());
  }

  /** Sends a request; returns its xid. */
  send<T>(type: number, codec?: Encoder<T>, record?: T, xid: number = ++this.#xid): number {
    this.sendFrame((writer) => {
      RequestHeader.write(writer, { xid, type });
      codec?.write(writer, record as T);
    });
    return xid;
  }

  /** Sends a request with a record of these bytes; returns its xid. */
  sendBytes(type: number, bytes: Uint8Array, xid: number = ++this.#xid): number {
    const header = Buffer.alloc(12);
    header.writeInt32BE(8 + bytes.length, 0);
    header.writeInt32BE(xid, 4);
    header.writeInt32BE(type, 8);
    this.socket.write(Buffer.concat([header, bytes]));
    return xid;
  }

  /** The next frame; `null` when the connection has ended. */
  async nextFrame(): Promise<Buffer | null> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      if (this.#isEnded) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The next reply, with the events that come before it. */
  async nextReply(): Promise<WireReply> {
    const events: (WatcherEvent & { readonly zxid: bigint })[] = [];
    for (;;) {
      const frame = await this.nextFrame();
      if (frame === null) return { reply: null, events };
      const body = JuteReader.over(frame);
      const header = ReplyHeader.read(body);
      if (header.xid !== SpecialXid.notification) {
        return { reply: { ...header, body, bytes: frame.subarray(16) }, events };
      }
      events.push({ ...WatcherEvent.read(body), zxid: header.zxid });
    }
  }

  /** Sends a request and waits for its reply. */
  async call<T>(type: number, codec?: Encoder<T>, record?: T, xid?: number): Promise<WireReply> {
    this.send(type, codec, record, xid);
    return await this.nextReply();
  }

  /** The events that have been sent so far: a ping comes after them. */
  async events(): Promise<WireReply['events']> {
    return (await this.call(OpCode.ping, undefined, undefined, SpecialXid.ping)).events;
  }

  /** Resolves when the connection has ended; what still comes is left unread. */
  async ended(): Promise<void> {
    while ((await this.nextFrame()) !== null);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
  }

  #split(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) {
      const end = 4 + bytes.readInt32BE(0);
      this.#frames.push(bytes.subarray(4, end));
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
  }
}

/** The record that an encoder writes. */
export function encoded<T>(codec: Encoder<T>, value: T): Buffer {
  const writer = new JuteWriter();
  codec.write(writer, value);
  return writer.take();
}
