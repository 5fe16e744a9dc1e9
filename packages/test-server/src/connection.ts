import type { Socket } from 'node:net';
import {
  ConnectRequest,
  ErrorCode,
  FrameDecoder,
  type Id,
  type JuteReader,
  JuteWriter,
  OpCode,
  ReplyHeader,
  SpecialXid,
  WatcherEvent,
} from 'zookeeper-ts-client/protocol';
import { type Acl, isAllowed, Perms } from './access-control.js';
import { type Answer, HANG_UP, refusal, SILENCE } from './answer.js';
import { answerAuth, answerSasl } from './auth-requests.js';
import type { Client } from './client.js';
import type { Faults, Verdict } from './faults.js';
import { isCommand } from './four-letter-words.js';
import { writeConnectResponse } from './handshake.js';
import { hostAddress } from './ip-range.js';
import { observe } from './observed-request.js';
import type { FourLetterWord, ServerSettings } from './options.js';
import { OutgoingLane } from './outgoing-lane.js';
import type { Replica } from './replica.js';
import type { Service } from './service.js';
import type { Counters } from './statistics.js';

/** Context of a connection. */
export interface ConnectionContext {
  readonly service: Service;
  readonly settings: ServerSettings;
  readonly faults: Faults;
  readonly counters: Counters;
  /** Whether the server is paused. */
  readonly isPaused: () => boolean;
  /** Answers a four-letter word. */
  readonly command: (word: FourLetterWord) => string;
}

/** Phase of a connection. */
type Phase = 'greeting' | 'handshake' | 'serving' | 'ending';

const SYNC_CONNECTED = 3;
const NO_ZXID = -1n;
/** Number of bytes that are written before they are sent. */
const FLUSH_BYTES = 256 * 1024;
/** Longest silence of a client before its handshake is complete, in milliseconds. @see `zookeeper.nio.sessionlessCnxnTimeout` */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Number of bytes of a handshake request without its password and without the read-only flag. */
const HANDSHAKE_BYTES = 4 + 8 + 4 + 8 + 4;

/**
 * Connection of a client. Requests are processed in the order of their arrival. A client that violates the protocol ends only its own
 * connection.
 */
export class Connection implements Client {
  readonly remoteAddress: string;
  readonly remotePort: number;
  sessionId = 0n;
  timeoutMs = 0;
  identities: readonly Id[];
  replica: Replica;
  received = 0;
  sent = 0;
  /** Last operation, for `cons`. */
  lastOpCode: number = OpCode.notification;
  readonly establishedMs: number;
  readonly #context: ConnectionContext;
  readonly #socket: Socket;
  readonly #lane: OutgoingLane;
  readonly #decoder: FrameDecoder;
  readonly #writer: JuteWriter = new JuteWriter();
  #phase: Phase = 'greeting';
  #greeting: Buffer = Buffer.alloc(0);
  #isFlushing = false;
  #cancelHandshakeTimeout: () => void = () => {};
  /** Handshake that has not been answered yet. */
  #handshake: { readonly request: ConnectRequest; readonly withReadOnly: boolean } | null = null;

  constructor(socket: Socket, context: ConnectionContext) {
    this.#socket = socket;
    this.#context = context;
    this.#lane = new OutgoingLane(socket, context.settings.clock);
    this.#decoder = new FrameDecoder(context.settings.maxFrameBytes);
    this.remoteAddress = hostAddress(socket.remoteAddress ?? '');
    this.remotePort = socket.remotePort ?? 0;
    this.establishedMs = context.settings.clock.wallNow();
    this.identities = [{ scheme: 'ip', id: this.remoteAddress }];
    this.replica = context.service.database;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#receive(bytes));
    socket.on('drain', () => this.#process());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#cancelHandshakeTimeout();
      this.#lane.clear();
      context.service.detach(this);
    });
    this.#awaitHandshake();
    this.applyPartition();
  }

  notify(type: number, path: string, acl: readonly Acl[] | null, zxid: bigint): void {
    if (this.#phase === 'ending') return;
    if (acl !== null && !isAllowed(acl, Perms.READ, this.identities)) return;
    const isCompat38 = this.#context.settings.compat === '3.8';
    this.#writer.beginFrame();
    ReplyHeader.write(this.#writer, { xid: SpecialXid.notification, zxid: isCompat38 ? NO_ZXID : zxid, err: 0 });
    WatcherEvent.write(this.#writer, { type, state: SYNC_CONNECTED, path });
    this.#endFrame();
  }

  identify(identities: readonly Id[]): void {
    const isNew = ({ scheme, id }: Id) => !this.identities.some((own) => own.scheme === scheme && own.id === id);
    this.identities = [...this.identities, ...identities.filter(isNew)];
  }

  close(): void {
    if (this.#phase === 'ending') return;
    this.#phase = 'ending';
    this.#flush();
    this.#lane.end();
  }

  /** Closes the connection at once, and discards unsent data. */
  destroy(): void {
    this.#phase = 'ending';
    this.#socket.destroy();
  }

  /** Number of bytes that the client has not read yet. */
  get unreadBytes(): number {
    return this.#lane.unreadBytes;
  }

  /** Resets the counts of frames. */
  resetCounts(): void {
    this.received = 0;
    this.sent = 0;
  }

  /** Applies partitions and a pause of the server: stops the traffic or lets it pass. */
  applyPartition(): void {
    this.#lane.setHeld(this.#isStopped('to-client'));
    this.#process();
  }

  #isStopped(direction: 'to-server' | 'to-client'): boolean {
    return this.#context.isPaused() || this.#context.faults.isPartitioned(this.sessionId, direction);
  }

  #receive(bytes: Buffer): void {
    if (this.#phase === 'ending') return;
    if (this.#phase !== 'serving' && this.#handshake === null) this.#awaitHandshake();
    if (this.#phase === 'greeting') this.#greet(bytes);
    else this.#decoder.push(bytes);
    this.#process();
  }

  /** Closes the connection unless bytes of a handshake come in time. Time does not count while the server itself stops the traffic. */
  #awaitHandshake(): void {
    this.#cancelHandshakeTimeout();
    this.#cancelHandshakeTimeout = this.#context.settings.clock.schedule(HANDSHAKE_TIMEOUT_MS, () => {
      if (this.#isStopped('to-server')) this.#awaitHandshake();
      else this.destroy();
    });
  }

  /** Distinguishes a four-letter word from a frame by the first four bytes. */
  #greet(bytes: Buffer): void {
    this.#greeting = Buffer.concat([this.#greeting, bytes]);
    if (this.#greeting.length < 4) return;
    const word = this.#greeting.toString('latin1', 0, 4);
    if (isCommand(word)) {
      this.#phase = 'ending';
      this.#lane.push(Buffer.from(this.#context.command(word), 'utf8'));
      this.#lane.end();
      return;
    }
    this.#phase = 'handshake';
    this.#decoder.push(this.#greeting);
    this.#greeting = Buffer.alloc(0);
  }

  /** Processes one frame after the other, as long as the client reads the replies. */
  #process(): void {
    try {
      if (this.#handshake !== null) this.#admit();
      while (
        this.#handshake === null &&
        this.#phase !== 'greeting' &&
        this.#phase !== 'ending' &&
        !this.#isStopped('to-server')
      ) {
        if (this.#writer.pendingBytes > FLUSH_BYTES) this.#flush();
        if (this.#lane.isFull) break;
        const reader = this.#decoder.next();
        if (reader === null) break;
        this.#count();
        if (this.#phase === 'handshake') this.#shakeHands(reader);
        else this.#serve(reader);
      }
    } catch {
      // The client's data cannot be decoded: an invalid length of a frame, or an incomplete header.
      this.destroy();
    }
    this.#flush();
    if (this.#lane.isFull || this.#isStopped('to-server')) this.#socket.pause();
    else this.#socket.resume();
  }

  #count(): void {
    this.received += 1;
    this.#context.counters.received += 1;
  }

  #shakeHands(reader: JuteReader): void {
    const { remaining } = reader;
    this.#cancelHandshakeTimeout();
    const request = ConnectRequest.read(reader);
    const withReadOnly = remaining > HANDSHAKE_BYTES + (request.passwd?.length ?? 0);
    this.sessionId = request.sessionId;
    this.#handshake = { request, withReadOnly };
    this.#admit();
  }

  /** Answers the handshake. The handshake of a partitioned session waits until the partition is lifted. */
  #admit(): void {
    this.#lane.setHeld(this.#isStopped('to-client'));
    if (this.#handshake === null || this.#isStopped('to-server')) return;
    const { request, withReadOnly } = this.#handshake;
    this.#handshake = null;
    const admission = this.#context.service.admit(request, this);
    if (admission.kind === 'refused') {
      this.destroy();
      return;
    }
    const session = admission.kind === 'admitted' ? admission.session : null;
    this.#phase = 'serving';
    this.sessionId = session?.id ?? 0n;
    this.timeoutMs = session?.timeoutMs ?? 0;
    this.#writer.beginFrame();
    writeConnectResponse(this.#writer, session, withReadOnly);
    this.#endFrame();
    if (session === null) this.close();
    else this.#lane.setHeld(this.#isStopped('to-client'));
  }

  #serve(reader: JuteReader): void {
    const [xid, opCode] = [reader.int(), reader.int()];
    const { service, faults, counters, settings } = this.#context;
    this.lastOpCode = opCode;
    counters.request(opCode);
    if (opCode === OpCode.auth) {
      this.#finish(xid, answerAuth(reader, this, settings.superDigest));
    } else if (opCode === OpCode.sasl) {
      this.#finish(xid, answerSasl(reader));
    } else if (faults.isIdle) {
      this.#respond(xid, opCode, service.process(this, opCode, reader));
    } else {
      this.#serveWith(faults.judge(observe(this.sessionId, xid, opCode, reader)), xid, opCode, reader);
    }
  }

  #serveWith(verdict: Verdict, xid: number, opCode: number, reader: JuteReader): void {
    const { kind, delayMs, happened } = verdict;
    const isApplied = kind === 'pass' || kind === 'drop-reply';
    const error = kind === 'unimplemented' ? ErrorCode.UNIMPLEMENTED : ErrorCode.THROTTLEDOP;
    const answer = isApplied ? this.#context.service.process(this, opCode, reader) : refusal(error);
    if (kind === 'drop-request' || kind === 'drop-reply') {
      this.close();
      happened();
      return;
    }
    if (delayMs > 0) {
      this.#flush();
      this.#lane.delay(delayMs);
    }
    this.#respond(xid, opCode, answer);
    if (kind === 'throttle') happened();
    if (kind === 'unimplemented') this.close();
  }

  /** Replies to a request. After `closeSession` and after an unknown operation, also closes the connection. */
  #respond(xid: number, opCode: number, answer: Answer): void {
    if (answer === HANG_UP) this.close();
    if (answer === HANG_UP || answer === SILENCE) return;
    const isKnown = this.#context.service.processor.knows(opCode);
    const zxid = isKnown ? this.replica.tree.lastZxid : NO_ZXID;
    this.#reply(opCode === OpCode.ping ? SpecialXid.ping : xid, answer, zxid);
    if (opCode === OpCode.closeSession || !isKnown) this.close();
  }

  /** Replies to a credential. After a refused credential, also closes the connection. */
  #finish(xid: number, answer: Answer): void {
    this.#reply(xid, answer, 0n);
    if (answer.error !== 0) this.close();
  }

  #reply(xid: number, { error, codec, record }: Answer, zxid: bigint): void {
    this.#writer.beginFrame();
    ReplyHeader.write(this.#writer, { xid, zxid, err: error });
    codec?.write(this.#writer, record as never);
    this.#endFrame();
  }

  #endFrame(): void {
    this.#writer.endFrame();
    this.sent += 1;
    this.#context.counters.sent += 1;
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    // Uses a promise, since fake timers of a test runner may replace `queueMicrotask`.
    void Promise.resolve().then(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushing = false;
    this.#lane.push(this.#writer.take());
    if (this.#lane.unreadBytes > this.#context.settings.maxUnreadBytes) this.destroy();
  }
}
