import { ErrorCode } from '../errors/error-code.js';
import { FrameTooLargeError, MarshallingError, RequestTooLargeError } from '../errors/errors.js';
import type { JuteReader } from '../jute/reader.js';
import { FrameDecoder } from '../protocol/frame.js';
import { ConnectRequest, ConnectResponse, MIN_CONNECT_RESPONSE_BYTES } from '../protocol/handshake.js';
import { MAX_XID, SpecialXid } from '../protocol/headers.js';
import { OpCode } from '../protocol/op-code.js';
import { AuthPacket } from '../protocol/operations/auth.js';
import { WatcherEvent } from '../protocol/watcher-event.js';
import type { Candidate } from '../servers/candidate.js';
import type { OpenTransport, Transport } from '../transport/transport.js';
import { type Clock, type Moment, momentOf } from './clock.js';
import { foreignProtocol, GREETING_BYTES } from './foreign-protocol.js';
import type { LargeRequests } from './large-requests.js';
import { type FrameBody, Outbox } from './outbox.js';
import { type PendingRequest, RequestQueue } from './pending-requests.js';

/** How long the server has to read that a session is closed before its connection is destroyed, in milliseconds. */
const FAREWELL_MS = 1_000;

/** How long a server that is too busy to set watches has until the next connection, in milliseconds. */
const BUSY_PAUSE_MS = 1_000;

/**
 * By how much the reply to a read may be longer than the request that wrote the data: its header, the length of the data, and the stat. Of a
 * transaction each part may be longer by as much than its operation.
 */
const REPLY_OVERHEAD_BYTES = 16 + 4 + 68;

/** The record of a request that has only a header. */
const NO_RECORD: FrameBody = { write: () => {} };

/** What a connection needs from around it. */
export interface ConnectionOptions {
  readonly clock: Clock;
  readonly maxFrameBytes: number;
  readonly maxInFlight: number;
  /** The number of the first request; replies never outlive their connection, so each begins anew. */
  readonly firstXid: number;
  /** What is known, from earlier connections too, of requests that are too large for a server. */
  readonly large: LargeRequests;
}

/** What a connection reports, in the order of the wire. */
export interface ConnectionHandlers {
  onOpen(): void;
  /** Whether the next frame is the answer to the handshake. */
  isHandshaking(): boolean;
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
  /** Whether nothing more is to be heard of it. */
  #isOver = false;
  /** The first bytes that came, for the error if they are of another protocol. */
  #greeting: Buffer | null = null;
  #cancelFarewell: (() => void) | null = null;
  #cancelLoss: (() => void) | null = null;
  /** An event that waits for what was read before it to be acted upon. */
  #heldEvent: WatcherEvent | null = null;
  #connectSentAt: Moment;
  #pingUnderWay = false;
  /** The request that goes alone, until it is answered. */
  #alone: PendingRequest | null = null;
  /** Whether the next request is to go alone, and waits until all others are answered. */
  #isNextAlone = false;
  #wasClosedByServer = false;
  #lastHeardAtMs: number;

  constructor(open: OpenTransport, server: Candidate, options: ConnectionOptions, handlers: ConnectionHandlers) {
    this.server = server;
    this.#options = options;
    this.#handlers = handlers;
    this.#decoder = new FrameDecoder(options.maxFrameBytes + REPLY_OVERHEAD_BYTES);
    this.#nextXid = options.firstXid;
    this.#connectSentAt = momentOf(options.clock);
    this.#lastHeardAtMs = this.#connectSentAt.monotonicMs;
    this.#outbox = new Outbox(options.clock, (bytes) => this.#give(bytes));
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

  /** Whether not a byte has come. */
  get hasHeardNothing(): boolean {
    return this.#greeting === null;
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
    if (this.#alone !== null || (this.#isNextAlone && this.#pending.size > 0)) return false;
    return this.#outbox.hasRoom && this.#pending.size < this.#options.maxInFlight;
  }

  sendConnectRequest(request: ConnectRequest): void {
    this.#connectSentAt = momentOf(this.#options.clock);
    this.#outbox.frame(this.#options.maxFrameBytes, { write: (writer) => ConnectRequest.write(writer, request) });
    this.#outbox.flush();
  }

  sendAuth(packet: AuthPacket): void {
    this.#write(SpecialXid.auth, OpCode.auth, { write: (writer) => AuthPacket.write(writer, packet) });
  }

  /** Sends a ping, unless one is under way. */
  ping(): void {
    if (this.#pingUnderWay) return;
    this.#pingUnderWay = true;
    this.#write(SpecialXid.ping, OpCode.ping, NO_RECORD);
    this.#outbox.flush();
  }

  /**
   * Writes a request; it leaves at the end of the tick, with all others of the tick. One that is too large is refused here.
   *
   * @param mayWait whether it may be left unsent, since it is to go alone and others are unanswered
   * @returns `false` if it was left unsent: it is to be sent when there is capacity, before any other one
   */
  send(request: PendingRequest, mayWait = false): boolean {
    const xid = this.#nextXid;
    const limit = this.#options.maxFrameBytes;
    const { aloneFromBytes } = this.#options.large;
    // Its size is known only when it is written.
    const most = mayWait && this.#pending.size > 0 ? Math.min(limit, aloneFromBytes - 1) : limit;
    let length: number;
    try {
      length = this.#outbox.request(most, xid, request.opCode, request);
    } catch (error) {
      request.fail(() => error);
      return true;
    }
    if (length > limit) {
      request.fail(() => new FrameTooLargeError(request.description, length, limit));
      return true;
    }
    this.#isNextAlone = length > most;
    if (this.#isNextAlone) return false;
    if (length >= aloneFromBytes) this.#alone = request;
    this.#nextXid = xid === MAX_XID ? 1 : xid + 1;
    request.xid = xid;
    request.sentAt = this.#outbox.requestSent();
    request.bytes = length;
    this.#pending.push(request);
    return true;
  }

  /** Closes the session that the server has granted. Nothing more is heard of the connection, which ends a second later at the latest. */
  decline(): void {
    if (this.#isOver) return;
    this.#write(this.#nextXid, OpCode.closeSession, NO_RECORD);
    this.#outbox.flush();
    this.#isOver = true;
    // Destroyed at once, the socket could lose the request.
    this.#cancelFarewell = this.#options.clock.schedule(FAREWELL_MS, () => this.#transport.destroy());
  }

  /**
   * Loses the connection in a second: the server was too busy to set its watches again. The next connection sets them, and its users read anew
   * what they watch.
   */
  loseSoon(cause: Error): void {
    const lose = (): void => {
      if (!this.#isOver) this.#handlers.onLost(cause);
    };
    this.#cancelLoss ??= this.#options.clock.schedule(BUSY_PAUSE_MS, lose);
  }

  /**
   * Ends the connection; every request without a reply ends with it, its outcome known or not.
   *
   * @returns reads to be sent again, each alone: the server may have closed the connection since they are too large
   */
  abandon(cause: Error): readonly PendingRequest[] {
    if (this.#isOver) return [];
    this.#isOver = true;
    this.#heldEvent = null;
    this.#cancelLoss?.();
    this.#transport.destroy();
    const lost = this.#pending.drain();
    const sent = lost.length - this.#outbox.unsentRequests;
    return lost.filter((request, index) => {
      if (index >= sent) request.lose('not-sent', cause);
      else if (!this.#wasClosedByServer || !this.#options.large.suspect(request.bytes)) request.lose('unknown', cause);
      else return this.#isToRepeat(request, cause);
      return false;
    });
  }

  /** Ends a request that may be too large for the server, unless it may be sent again. */
  #isToRepeat(request: PendingRequest, cause: Error): boolean {
    const { bytes, mayRepeat } = request;
    if (request !== this.#alone) {
      if (mayRepeat) return true;
      const suspicion = `${cause.message}; the request of ${bytes} bytes may be larger than jute.maxbuffer of the server`;
      request.lose('unknown', new Error(suspicion, { cause }));
      return false;
    }
    const tooLarge = (): Error => new RequestTooLargeError(request.description, bytes, { cause });
    if (mayRepeat) request.fail(tooLarge);
    else request.lose('unknown', tooLarge());
    return false;
  }

  #write(xid: number, opCode: number, body: FrameBody): void {
    this.#outbox.request(this.#options.maxFrameBytes, xid, opCode, body);
  }

  #give(bytes: Buffer): boolean {
    if (this.#isOver) return true;
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
    if (this.#isOver) return;
    // What the server said before it closed comes first.
    const held = this.#heldEvent;
    this.#heldEvent = null;
    if (held !== null) {
      this.#handlers.onEvent(held);
      this.#readFrames(false);
    }
    this.#wasClosedByServer = true;
    this.#handlers.onLost(cause);
  }

  #onData(chunk: Buffer): void {
    if (this.#isOver) return;
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
        if (this.#isOver) return;
        if (this.#decoder.oversizedBytes > 0) {
          this.#readOversized(frame, this.#decoder.oversizedBytes);
          settled = true;
          continue;
        }
        if (this.#handlers.isHandshaking()) {
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
    if (settled && !this.#isOver && this.hasCapacity) this.#handlers.onCapacity();
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
    // Before the handshake a length that is too large is another protocol.
    this.#decoder.cutOversized((header) => this.#largestReply(header.int()));
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
    this.#answered(request);
  }

  #answered(request: PendingRequest): void {
    this.#pending.shift();
    this.#options.large.acquit(request.bytes);
    if (this.#alone === request) this.#alone = null;
  }

  /** The size in bytes up to which a reply is read. */
  #largestReply(xid: number): number {
    const request = this.#pending.first;
    const parts = request?.xid === xid ? Math.max(1, request.parts) : 1;
    return this.#options.maxFrameBytes + parts * REPLY_OVERHEAD_BYTES;
  }

  /** Of a reply that is too large only the header is read: it harms the request that it belongs to, and nothing else. */
  #readOversized(header: JuteReader, bytes: number): void {
    const xid = header.int();
    const zxid = header.long();
    const err = header.int();
    const limit = this.#largestReply(xid);
    const request = this.#pending.first;
    if (request === undefined || request.xid !== xid) {
      throw new MarshallingError(`frame of ${bytes} bytes, where at most ${limit} are allowed (maxFrameBytes)`);
    }
    this.#answered(request);
    this.#handlers.onReply(err, zxid);
    // What the server refused has its answer in the header already.
    if (err === ErrorCode.OK)
      request.fail(() => new FrameTooLargeError(`reply to ${request.description}`, bytes, limit));
    else request.reply(err, header);
  }

  /** What came cannot be understood. The oldest request is lost for this very cause, since its reply would not be read another time. */
  #giveUp(cause: Error): void {
    this.#pending.shift()?.lose('unknown', cause);
    const foreign = foreignProtocol(this.#greeting, cause);
    this.#handlers.onLost(foreign ?? new Error(`what came cannot be read: ${cause.message}`, { cause }));
  }
}
