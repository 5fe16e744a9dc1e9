import type { Codec } from '../src/jute/codec.js';
import { ConnectRequest, ConnectResponse } from '../src/protocol/handshake.js';
import { ReplyHeader, SpecialXid } from '../src/protocol/headers.js';
import { OpCode } from '../src/protocol/op-code.js';
import { Create2Response } from '../src/protocol/operations/create.js';
import type { Stat } from '../src/protocol/stat.js';
import { WatcherEvent } from '../src/protocol/watcher-event.js';
import type { Candidate } from '../src/servers/candidate.js';
import type { OpenTransport, Transport, TransportHandlers } from '../src/transport/transport.js';
import { decoded, encoded, frame } from './bytes.js';

/** A request as the server got it, its record still in bytes. */
export interface SentRequest {
  readonly xid: number;
  readonly type: number;
  readonly body: Buffer;
}

/** The `Stat` of a znode of which nothing is remarkable. */
export const plainStat: Stat = {
  czxid: 1n,
  mzxid: 1n,
  ctime: 1,
  mtime: 1,
  version: 0,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 0,
  numChildren: 0,
  pzxid: 1n,
};

/** A frame that replies to the request of that number. */
export function replyFrame(
  xid: number,
  { err = 0, zxid = 7n }: { err?: number; zxid?: bigint } = {},
  body: Uint8Array = new Uint8Array(),
): Buffer {
  return frame(encoded(ReplyHeader, { xid, zxid, err }), body);
}

/** A frame that tells of a watch that fired. */
export function eventFrame(type: number, path: string): Buffer {
  const header = encoded(ReplyHeader, { xid: SpecialXid.notification, zxid: -1n, err: 0 });
  return frame(header, encoded(WatcherEvent, { type, state: 3, path }));
}

/** The answer to a handshake; without anything given, a new session of 6 s. */
export function handshakeFrame(response: Partial<ConnectResponse> = {}): Buffer {
  const accepted = {
    protocolVersion: 0,
    timeOut: 6000,
    sessionId: 0x77n,
    passwd: Buffer.alloc(16, 7),
    readOnly: false,
  };
  return frame(encoded(ConnectResponse, { ...accepted, ...response }));
}

/** One connection of the client under test, seen from the server. */
export class FakeLink implements Transport {
  readonly server: Candidate;
  /** What the client has written, one entry a call. */
  readonly writes: Buffer[] = [];
  /** Everything after the handshake. */
  readonly requests: SentRequest[] = [];
  connectRequest: ConnectRequest | null = null;
  /** Whether the client has ended the connection. */
  isDestroyed = false;
  /** Whether the socket takes more than it has. */
  hasRoom = true;
  readonly #handlers: TransportHandlers;
  #answered = 0;
  #pingsAnswered = 0;
  #isOpen = false;

  constructor(server: Candidate, handlers: TransportHandlers) {
    this.server = server;
    this.#handlers = handlers;
  }

  write(bytes: Buffer): boolean {
    if (this.isDestroyed) throw new Error('written to a connection that is over');
    this.writes.push(bytes);
    if (bytes.toString() === 'isro') return this.hasRoom;
    // A client gives whole frames to its socket.
    for (let at = 0; at < bytes.length; ) {
      const end = at + 4 + bytes.readInt32BE(at);
      const sent = Buffer.from(bytes.subarray(at + 4, end));
      if (this.connectRequest === null) this.connectRequest = decoded(ConnectRequest, sent);
      else this.requests.push({ xid: sent.readInt32BE(0), type: sent.readInt32BE(4), body: sent.subarray(8) });
      at = end;
    }
    return this.hasRoom;
  }

  destroy(): void {
    this.isDestroyed = true;
  }

  /** The connection stands. */
  open(): void {
    if (this.isDestroyed || this.#isOpen) return;
    this.#isOpen = true;
    this.#handlers.onOpen();
  }

  /** Bytes come from the server, in one chunk, whose memory is used for something else afterwards. */
  receive(...bytes: readonly Uint8Array[]): void {
    if (this.isDestroyed) return;
    const chunk = Buffer.concat(bytes);
    this.#handlers.onData(chunk);
    chunk.fill(0xee);
  }

  /** The connection stands and the server has accepted the session. */
  accept(response: Partial<ConnectResponse> = {}): void {
    this.open();
    this.receive(handshakeFrame(response));
  }

  /** Replies to the oldest ordinary request that has no reply yet. */
  answer(err = 0, body?: Uint8Array): void {
    this.receive(this.reply(err, body));
  }

  /** The frame of that reply, to be received with others in one chunk. Questions to the leader before it are answered too. */
  reply(err = 0, body?: Uint8Array): Buffer {
    const proofs = this.#answerProofs();
    const request = this.ordinary[this.#answered++];
    if (request === undefined) throw new Error('there is no request to reply to');
    return Buffer.concat([...proofs, replyFrame(request.xid, { err }, body)]);
  }

  /** Replies with a record. */
  answerWith<T>(codec: Codec<T>, value: T): void {
    this.answer(0, encoded(codec, value));
  }

  /** Answers what keeps the session alive: pings, and questions to the leader unless another request waits before them. */
  keepAlive(): void {
    const pings = this.requests.filter(({ type }) => type === OpCode.ping).length;
    for (; this.#pingsAnswered < pings; this.#pingsAnswered++) this.receive(replyFrame(SpecialXid.ping));
    this.receive(...this.#answerProofs());
  }

  /** Answers a ping, and says to which transaction the server has come. */
  pong(zxid: bigint): void {
    this.#pingsAnswered++;
    this.receive(replyFrame(SpecialXid.ping, { zxid }));
  }

  /** Answers a ping by an error. */
  refusePing(err: number): void {
    this.#pingsAnswered++;
    this.receive(replyFrame(SpecialXid.ping, { err }));
  }

  /** Replies to the oldest request, a create. */
  answerCreate(path: string): void {
    this.answerWith(Create2Response, { path, stat: plainStat });
  }

  /** Replies to the `sync`s by which a client has the leader vouch for its session. */
  #answerProofs(): Buffer[] {
    const replies: Buffer[] = [];
    for (let next = this.ordinary[this.#answered]; next?.type === OpCode.sync; next = this.ordinary[++this.#answered]) {
      replies.push(replyFrame(next.xid, {}, next.body));
    }
    return replies;
  }

  /** Requests with a number of their own: all but pings and credentials. */
  get ordinary(): SentRequest[] {
    return this.requests.filter(({ xid }) => xid > 0);
  }

  /** Names of the operations that the client has sent, in their order. */
  get sent(): string[] {
    return this.requests.map(({ type }) => Object.entries(OpCode).find(([, code]) => code === type)?.[0] ?? `${type}`);
  }

  /** The socket has room again. */
  drain(): void {
    this.hasRoom = true;
    if (!this.isDestroyed) this.#handlers.onDrain();
  }

  /** The connection is over, or could not be made. */
  end(message = 'connection reset'): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    this.#handlers.onClose(new Error(message));
  }
}

/** A network in memory: every connection that the client opens is a {@link FakeLink}. */
export class FakeNetwork {
  readonly links: FakeLink[] = [];

  readonly open: OpenTransport = (server, handlers) => {
    const link = new FakeLink(server, handlers);
    this.links.push(link);
    return link;
  };

  /** The connection opened last. */
  get last(): FakeLink {
    const link = this.links.at(-1);
    if (link === undefined) throw new Error('the client has opened no connection');
    return link;
  }

  /** Addresses of all attempts, in their order. */
  get addresses(): string[] {
    return this.links.map(({ server }) => server.address);
  }

  /** Hosts of all attempts, in their order. */
  get attempts(): string {
    return this.links.map(({ server }) => server.host).join(' ');
  }
}
