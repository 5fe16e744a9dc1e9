import type { Candidate } from '../ensemble/candidate.js';
import { FrameTooLargeError, MarshallingError } from '../errors.js';
import type { JuteReader } from '../jute/reader.js';
import type { JuteWriter } from '../jute/writer.js';
import { ErrorCode } from '../protocol/error-code.js';
import { FrameDecoder } from '../protocol/frame.js';
import { ConnectRequest, ConnectResponse, MIN_CONNECT_RESPONSE_BYTES } from '../protocol/handshake.js';
import { MAX_XID, SpecialXid } from '../protocol/headers.js';
import { OpCode } from '../protocol/op-code.js';
import { AuthPacket } from '../protocol/operations/auth.js';
import { WatcherEvent } from '../protocol/watcher-event.js';
import type { OpenTransport, Transport } from '../transport/transport.js';
import { type Clock, type Moment, momentOf } from './clock.js';
import { foreignProtocol, GREETING_BYTES } from './foreign-protocol.js';
import { Outbox } from './outbox.js';
import { type PendingRequest, RequestQueue } from './pending-requests.js';

/** How long the server has to read that a session is closed before its connection is destroyed, in milliseconds. */
const FAREWELL_MS = 1_000;

/** How long a server that is too busy to set watches has until the next connection, in milliseconds. */
const BUSY_PAUSE_MS = 1_000;

/** By how much the reply to a read may be longer than the request that wrote the data: its header, the length of the data, and the stat. */
const REPLY_OVERHEAD_BYTES = 16 + 4 + 68;

const UNANSWERED =
  'no answer to the handshake (the server may not be serving, have all its connections taken, expect TLS on this port, or be behind what this client has seen)';

/** What a connection needs from around it. */
export interface ConnectionOptions {
  readonly clock: Clock;
  readonly maxFrameBytes: number;
  readonly maxInFlight: number;
  /** The number of the first request; replies never outlive their connection, so each begins anew. */
  readonly firstXid: number;
}

/** What a connection reports, in the order of the wire. */
export interface ConnectionHandlers {
  onOpen(): void;
  onHandshake(response: ConnectResponse): void;
  onEvent(event: WatcherEvent): void;
  /** A reply to an ordinary request, which tells to what transaction the server had come. */
  onReply(err: number, zxid: bigint): void;
  onAuthReply(err: number): void;
  /** The server demands credentials that it was not given, and is about to close the connection. */
  onAuthDemanded(): void;
  /** The answer to a ping tells to what transaction the server has come. */
  onPong(zxid: bigint): void;
  /** There is room for requests again. */
  onCapacity(): void;
  /** The connection is over, or what came cannot be understood. */
  onLost(cause: Error): void;
}

/** One connection to one server: writes requests, matches replies with them in order, and reports events between them. */
export class Connection {
  readonly server: Candidate;
  readonly #options: ConnectionOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #transport: Transport;
  readonly #outbox: Outbox;
  readonly #decoder: FrameDecoder;
  readonly #pending = new RequestQueue();
  #nextXid: number;
  #stage: 'opening' | 'handshaking' | 'ready' | 'over' = 'opening';
  /** The first bytes that came, for the error if they are of another protocol. */
  #greeting: Buffer | null = null;
  #cancelFarewell: (() => void) | null = null;
  #cancelLoss: (() => void) | null = null;
  /** An event that waits for what was read before it to be acted upon. */
  #heldEvent: WatcherEvent | null = null;
  #connectSentAt: Moment;
  #pingUnderWay = false;
  #lastHeardAtMs: number;

  constructor(open: OpenTransport, server: Candidate, options: ConnectionOptions, handlers: ConnectionHandlers) {
    this.server = server;
    this.#options = options;
    this.#handlers = handlers;
    this.#decoder = new FrameDecoder(options.maxFrameBytes + REPLY_OVERHEAD_BYTES);
    this.#nextXid = options.firstXid;
    this.#connectSentAt = momentOf(options.clock);
    this.#lastHeardAtMs = this.#connectSentAt.monotonicMs;
    this.#outbox = new Outbox(options.clock, (bytes) => this.#write(bytes));
    this.#transport = open(server, {
      onOpen: () => this.#handlers.onOpen(),
      onData: (chunk) => this.#onData(chunk),
      onDrain: () => this.#onDrain(),
      onClose: (cause) => this.#onClose(cause),
    });
  }

  /** Monotonic milliseconds at which something was last sent. */
  get lastSentAtMs(): number {
    return this.#outbox.lastSentAtMs;
  }

  /** Monotonic milliseconds at which something was last heard. */
  get lastHeardAtMs(): number {
    return this.#lastHeardAtMs;
  }

  /** When the handshake was sent. */
  get connectSentAt(): Moment {
    return this.#connectSentAt;
  }

  /** Whether the handshake was sent and not a byte has come in answer to it. */
  get isUnanswered(): boolean {
    return this.#stage === 'handshaking' && this.#greeting === null;
  }

  /** Whether a ping waits for its answer. */
  get pingUnderWay(): boolean {
    return this.#pingUnderWay;
  }

  /** When the oldest request was sent that is not answered yet; `null` when there is none. */
  get oldestSentAt(): Moment | null {
    return this.#pending.first?.sentAt ?? null;
  }

  /** Whether a request may be sent now. */
  get hasCapacity(): boolean {
    return this.#outbox.hasRoom && this.#pending.size < this.#options.maxInFlight;
  }

  sendConnectRequest(request: ConnectRequest): void {
    this.#stage = 'handshaking';
    this.#connectSentAt = momentOf(this.#options.clock);
    this.#outbox.frame(this.#options.maxFrameBytes, (writer) => ConnectRequest.write(writer, request));
    this.#outbox.flush();
  }

  sendAuth(packet: AuthPacket): void {
    this.#frame(SpecialXid.auth, OpCode.auth, (writer) => AuthPacket.write(writer, packet));
  }

  /** Sends a ping, unless one is under way. */
  ping(): void {
    if (this.#pingUnderWay) return;
    this.#pingUnderWay = true;
    this.#frame(SpecialXid.ping, OpCode.ping, () => {});
    this.#outbox.flush();
  }

  /** Writes a request; it leaves at the end of the tick, with all others of the tick. One that is too large is refused here. */
  send(request: PendingRequest): void {
    const xid = this.#nextXid;
    let length: number;
    try {
      length = this.#frame(xid, request.opCode, (writer) => request.write(writer));
    } catch (error) {
      request.fail(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    const limit = this.#options.maxFrameBytes;
    if (length > limit) {
      request.fail(new FrameTooLargeError(describeRequest(request), length, limit));
      return;
    }
    this.#nextXid = xid === MAX_XID ? 1 : xid + 1;
    request.xid = xid;
    request.sentAt = this.#outbox.requestSent();
    this.#pending.push(request);
  }

  /** Closes the session that the server has granted. Nothing more is heard of the connection, which ends a second later at the latest. */
  decline(): void {
    if (this.#stage === 'over') return;
    this.#frame(this.#nextXid, OpCode.closeSession, () => {});
    this.#outbox.flush();
    this.#stage = 'over';
    // Destroyed at once, the socket could lose the request.
    this.#cancelFarewell = this.#options.clock.schedule(FAREWELL_MS, () => this.#transport.destroy());
  }

  /**
   * Loses the connection in a second: the server was too busy to set its watches again. The next connection sets them, and its users read anew
   * what they watch.
   */
  loseSoon(cause: Error): void {
    const lose = (): void => {
      if (this.#stage === 'ready') this.#handlers.onLost(cause);
    };
    this.#cancelLoss ??= this.#options.clock.schedule(BUSY_PAUSE_MS, lose);
  }

  /** Ends the connection; every request without a reply ends with it, its outcome known or not. */
  abandon(cause: Error): void {
    if (this.#stage === 'over') return;
    this.#stage = 'over';
    this.#heldEvent = null;
    this.#cancelLoss?.();
    this.#transport.destroy();
    const lost = this.#pending.drain();
    const sent = lost.length - this.#outbox.unsentRequests;
    lost.forEach((request, index) => {
      request.lose(index < sent ? 'unknown' : 'not-sent', cause);
    });
  }

  #frame(xid: number, opCode: number, body: (writer: JuteWriter) => void): number {
    return this.#outbox.frame(this.#options.maxFrameBytes, (writer) => {
      writer.int(xid);
      writer.int(opCode);
      body(writer);
    });
  }

  #write(bytes: Buffer): boolean {
    if (this.#stage === 'over') return true;
    const hasRoom = this.#transport.write(bytes);
    if (hasRoom && this.#pending.size < this.#options.maxInFlight) this.#handlers.onCapacity();
    return hasRoom;
  }

  #onDrain(): void {
    this.#outbox.drained();
    this.#handlers.onCapacity();
  }

  #onClose(cause: Error): void {
    this.#cancelFarewell?.();
    if (this.#stage === 'over') return;
    // What the server said before it closed comes first.
    const held = this.#heldEvent;
    this.#heldEvent = null;
    if (held !== null) {
      this.#handlers.onEvent(held);
      this.#readFrames(false);
    }
    this.#handlers.onLost(this.isUnanswered ? new Error(`${UNANSWERED}: ${cause.message}`, { cause }) : cause);
  }

  #onData(chunk: Buffer): void {
    if (this.#stage === 'over') return;
    this.#greeting ??= Buffer.from(chunk.subarray(0, GREETING_BYTES));
    this.#lastHeardAtMs = this.#options.clock.now();
    // The chunk is only lent: what waits behind a held event is copied.
    const mustWait = this.#heldEvent !== null;
    this.#decoder.push(mustWait ? Buffer.from(chunk) : chunk);
    if (mustWait) return;
    this.#readFrames(true);
    if (this.#heldEvent !== null) this.#decoder.keep();
  }

  /**
   * Reads all whole frames. An event that follows a reply in the same chunk is held back until the code that awaits that
   * reply has run, however many promises lie between, so that users see results and events in the order of the wire.
   */
  #readFrames(mayHold: boolean): void {
    let settled = false;
    try {
      for (let frame = this.#decoder.next(); frame !== null; frame = this.#decoder.next()) {
        if (this.#stage === 'over') return;
        if (this.#decoder.oversizedBytes > 0) {
          this.#readOversized(frame, this.#decoder.oversizedBytes);
          settled = true;
          continue;
        }
        if (this.#stage !== 'ready') {
          this.#readHandshake(frame);
          continue;
        }
        const xid = frame.int();
        const zxid = frame.long();
        const err = frame.int();
        if (xid === SpecialXid.notification) {
          const event = WatcherEvent.read(frame);
          if (mayHold && settled) {
            this.#hold(event);
            break;
          }
          this.#handlers.onEvent(event);
        } else if (xid === SpecialXid.ping) {
          this.#pingUnderWay = false;
          if (err === ErrorCode.OK) this.#handlers.onPong(zxid);
        } else if (xid === SpecialXid.auth) {
          this.#handlers.onAuthReply(err);
        } else {
          this.#readReply(xid, zxid, err, frame);
          settled = true;
        }
        if (err === ErrorCode.SESSIONCLOSEDREQUIRESASLAUTH) this.#handlers.onAuthDemanded();
      }
    } catch (error) {
      this.#giveUp(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (settled && this.#stage === 'ready' && this.hasCapacity) this.#handlers.onCapacity();
  }

  #hold(event: WatcherEvent): void {
    this.#heldEvent = event;
    this.#options.clock.afterIo(() => {
      if (this.#heldEvent !== event) return;
      this.#heldEvent = null;
      this.#handlers.onEvent(event);
      this.#readFrames(true);
    });
  }

  #readHandshake(frame: JuteReader): void {
    // A read-only server answers a request for a session it may not make with a bare reply header.
    if (frame.remaining < MIN_CONNECT_RESPONSE_BYTES) throw new Error('the server refused the handshake');
    const response = ConnectResponse.read(frame);
    this.#stage = 'ready';
    // Before the handshake a length that is too large is another protocol.
    this.#decoder.cutOversized();
    this.#handlers.onHandshake(response);
  }

  #readReply(xid: number, zxid: bigint, err: number, body: JuteReader): void {
    const request = this.#pending.first;
    if (request === undefined || request.xid !== xid) {
      const expected = request === undefined ? 'no reply' : `the reply to request ${request.xid}`;
      throw new MarshallingError(`expected ${expected}, got one to ${xid}`, 0);
    }
    this.#handlers.onReply(err, zxid);
    request.reply(err, body);
    this.#pending.shift();
  }

  /** Of a reply that is too large only the header is read: it harms the request that it belongs to, and nothing else. */
  #readOversized(header: JuteReader, bytes: number): void {
    const limit = this.#options.maxFrameBytes + REPLY_OVERHEAD_BYTES;
    const xid = header.int();
    const zxid = header.long();
    const request = this.#pending.first;
    if (this.#stage !== 'ready' || request === undefined || request.xid !== xid) {
      throw new MarshallingError(`frame of ${bytes} bytes, where at most ${limit} are allowed (maxFrameBytes)`);
    }
    this.#pending.shift();
    this.#handlers.onReply(header.int(), zxid);
    request.fail(new FrameTooLargeError(`reply to ${describeRequest(request)}`, bytes, limit));
  }

  /** What came cannot be understood. The oldest request is lost for this very cause, since its reply would not be read another time. */
  #giveUp(cause: Error): void {
    if (this.#stage === 'ready') this.#pending.shift()?.lose('unknown', cause);
    const foreign = this.#stage === 'handshaking' ? foreignProtocol(this.#greeting) : null;
    const message = foreign ?? `what came cannot be read: ${cause.message}`;
    this.#handlers.onLost(new Error(message, { cause }));
  }
}

function describeRequest({ name, path }: PendingRequest): string {
  return path === null ? name : `${name} ${path}`;
}
