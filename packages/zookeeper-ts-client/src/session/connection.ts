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

/** Milliseconds that the server has to read the `closeSession` request before the client destroys the connection. */
const FAREWELL_MS = 1_000;

/** Milliseconds until the client gives up the connection to a server that was too busy to set watches. */
const BUSY_PAUSE_MS = 1_000;

/**
 * Bytes by which the reply to a read may exceed the request that wrote the data: the reply's header, the length of the data, and the stat.
 * In a transaction, each part of the reply may exceed its operation by as many bytes.
 */
const REPLY_OVERHEAD_BYTES = 16 + 4 + 68;

/** The empty record of a request that has only a header. */
const NO_RECORD: FrameBody = { write: () => {} };

/** Options of a connection. */
export interface ConnectionOptions {
  readonly clock: Clock;
  readonly maxFrameBytes: number;
  readonly maxInFlight: number;
  /** The xid of the first request. Replies never outlive their connection, so each connection starts again at this xid. */
  readonly firstXid: number;
  /** Record, kept across connections, of the requests that may be too large for a server. */
  readonly large: LargeRequests;
}

/** Callbacks of a connection, called in the order of the wire. */
export interface ConnectionHandlers {
  onOpen(): void;
  /** Returns whether the next frame is the server's answer to the handshake. */
  isHandshaking(): boolean;
  onHandshake(response: ConnectResponse): void;
  onEvent(event: WatcherEvent): void;
  /** Reports the reply to an ordinary request. `zxid` is the last transaction that the server had reached. */
  onReply(err: number, zxid: bigint): void;
  onAuthReply(err: number): void;
  /** Reports that the server demands credentials that the client has not sent. The server is about to close the connection. */
  onAuthDemanded(): void;
  /** Reports the answer to a ping. `zxid` is the last transaction that the server has reached. */
  onPong(zxid: bigint): void;
  /** Reports that the connection has room for requests again. */
  onCapacity(): void;
  /** Reports that the connection is over, or that the client cannot decode the received bytes. */
  onLost(cause: Error): void;
}

/** A connection to one server: writes requests, matches replies to requests in order, and reports the events between replies. */
export class Connection {
  readonly server: Candidate;
  readonly #options: ConnectionOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #transport: Transport;
  readonly #outbox: Outbox;
  readonly #decoder: FrameDecoder;
  readonly #pending = new RequestQueue();
  #nextXid: number;
  /** Whether the connection no longer reports replies, events or its loss. */
  #isOver = false;
  /** The first received bytes, from which an error message can name a foreign protocol; `null` until the server has sent any. */
  #greeting: Buffer | null = null;
  #cancelFarewell: (() => void) | null = null;
  #cancelLoss: (() => void) | null = null;
  /** An event that is held back until the callers of the replies before it have run. */
  #heldEvent: WatcherEvent | null = null;
  #connectSentAt: Moment;
  #pingUnderWay = false;
  /** The large request that was sent alone; until its reply, the connection has no capacity for other requests. */
  #alone: PendingRequest | null = null;
  /** Whether the next request must be sent alone, and therefore waits until all other requests are answered. */
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

  /** Monotonic milliseconds at which the client last sent bytes; at first, the time of construction. */
  get lastSentAtMs(): number {
    return this.#outbox.lastSentAtMs;
  }

  /** Monotonic milliseconds at which the client last received bytes; at first, the time of construction. */
  get lastHeardAtMs(): number {
    return this.#lastHeardAtMs;
  }

  /** The moment at which the client sent the handshake. */
  get connectSentAt(): Moment {
    return this.#connectSentAt;
  }

  /** Whether the server has not sent a single byte. */
  get hasHeardNothing(): boolean {
    return this.#greeting === null;
  }

  /** Whether a ping has no answer yet. */
  get pingUnderWay(): boolean {
    return this.#pingUnderWay;
  }

  /** The moment at which the client sent the oldest request without a reply; `null` when there is no such request. */
  get oldestSentAt(): Moment | null {
    return this.#pending.first?.sentAt ?? null;
  }

  /** Whether the connection has capacity for a request now. */
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

  /** Sends a ping, unless an earlier ping has no answer yet. */
  ping(): void {
    if (this.#pingUnderWay) return;
    this.#pingUnderWay = true;
    this.#write(SpecialXid.ping, OpCode.ping, NO_RECORD);
    this.#outbox.flush();
  }

  /**
   * Writes a request, which leaves at the end of the tick with all other requests of the tick. Fails a request that is larger than
   * `maxFrameBytes`.
   *
   * @param mayWait whether the request may stay unsent when it must be sent alone and other requests are unanswered
   * @returns `false` if the request stays unsent: the caller must send it, before any other request, when the connection has capacity
   */
  send(request: PendingRequest, mayWait = false): boolean {
    const xid = this.#nextXid;
    const limit = this.#options.maxFrameBytes;
    const { aloneFromBytes } = this.#options.large;
    // The size of the request is known only after the request is written.
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

  /** Closes the session that the server has granted. The connection reports nothing more and ends one second later at the latest. */
  decline(): void {
    if (this.#isOver) return;
    this.#write(this.#nextXid, OpCode.closeSession, NO_RECORD);
    this.#outbox.flush();
    this.#isOver = true;
    // A socket that is destroyed at once could lose the request.
    this.#cancelFarewell = this.#options.clock.schedule(FAREWELL_MS, () => this.#transport.destroy());
  }

  /**
   * Reports the loss of the connection after one second: the server was too busy to set its watches again. The next connection sets the
   * watches, and the users of the watches then read the watched data again.
   */
  loseSoon(cause: Error): void {
    const lose = (): void => {
      if (!this.#isOver) this.#handlers.onLost(cause);
    };
    this.#cancelLoss ??= this.#options.clock.schedule(BUSY_PAUSE_MS, lose);
  }

  /**
   * Ends the connection. Every request without a reply ends with it: as not sent if the socket never got it, otherwise with an unknown
   * outcome.
   *
   * @returns reads to send again, each alone: the server may have closed the connection because these reads are too large
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

  /** Returns whether a request that may be too large for the server is to be sent again; otherwise ends the request. */
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
    // Events and replies that the server sent before it closed the connection come first.
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
    // The transport reuses the memory of the chunk, so bytes that wait behind a held event are copied.
    const mustWait = this.#heldEvent !== null;
    this.#decoder.push(mustWait ? Buffer.from(chunk) : chunk);
    if (mustWait) return;
    this.#readFrames(true);
    if (this.#heldEvent !== null) this.#decoder.keep();
  }

  /**
   * Reads all complete frames. If an event follows a reply in the same chunk, the connection holds the event back. The connection reports
   * the event after the code that awaits the reply has run, through any number of promises. Users therefore see results and events in the
   * order of the wire.
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
    // A read-only server answers a request for a session that it may not create with a bare reply header.
    if (frame.remaining < MIN_CONNECT_RESPONSE_BYTES) throw new Error('the server refused the handshake');
    const response = ConnectResponse.read(frame);
    // Before the handshake, a length that is too large means that the server speaks another protocol.
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

  /** Returns the size in bytes up to which the client reads the reply to a request. */
  #largestReply(xid: number): number {
    const request = this.#pending.first;
    const parts = request?.xid === xid ? Math.max(1, request.parts) : 1;
    return this.#options.maxFrameBytes + parts * REPLY_OVERHEAD_BYTES;
  }

  /** Reads only the header of a reply that is too large. The reply fails the request that it belongs to, and harms no other request. */
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
    // If the server refused the request, the header already contains the complete answer.
    if (err === ErrorCode.OK)
      request.fail(() => new FrameTooLargeError(`reply to ${request.description}`, bytes, limit));
    else request.reply(err, header);
  }

  /**
   * Gives up a connection whose bytes the client cannot decode. The oldest request fails with this cause, because its reply would not be
   * readable another time either.
   */
  #giveUp(cause: Error): void {
    this.#pending.shift()?.lose('unknown', cause);
    const foreign = foreignProtocol(this.#greeting, cause);
    this.#handlers.onLost(foreign ?? new Error(`what came cannot be read: ${cause.message}`, { cause }));
  }
}
