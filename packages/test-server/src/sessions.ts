import { PASSWORD_BYTES } from 'zookeeper-ts-client/protocol';
import type { Clock } from './clock.js';

/** Session, which outlives its connections. */
export interface Session {
  readonly id: bigint;
  /** Negotiated timeout in milliseconds. A client that resumes the session may negotiate a different timeout. */
  readonly timeoutMs: number;
  readonly password: Buffer;
}

interface Entry {
  readonly id: bigint;
  timeoutMs: number;
  readonly password: Buffer;
  /** Time on the clock when the client was last heard from. */
  heardAtMs: number;
}

/** Limits of the granted timeouts, in milliseconds. */
export interface SessionLimits {
  /** Unit of time in milliseconds: sessions expire at multiples of a tick. */
  readonly tickTimeMs: number;
  readonly minTimeoutMs: number;
  readonly maxTimeoutMs: number;
}

/** First byte of session ids: this server's number. */
const SERVER_ID = 1n;
/** Constant that Java combines with a session id to derive the password. */
const PASSWORD_SALT = 0xb3415c00n;

/** Session tracker: sessions that are alive. It reports overdue sessions, but does not expire them. */
export class Sessions {
  readonly #clock: Clock;
  readonly #limits: SessionLimits;
  readonly #entries: Map<bigint, Entry> = new Map();
  #nextId: bigint;

  constructor(clock: Clock, limits: SessionLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#nextId = (BigInt.asUintN(64, BigInt(clock.wallNow()) << 24n) >> 8n) | (SERVER_ID << 56n);
  }

  get size(): number {
    return this.#entries.size;
  }

  [Symbol.iterator](): Iterator<Session> {
    return this.#entries.values();
  }

  get(id: bigint): Session | undefined {
    return this.#entries.get(id);
  }

  /** Returns the timeout that the server grants for a requested timeout. */
  negotiate(timeoutMs: number): number {
    return Math.min(Math.max(timeoutMs, this.#limits.minTimeoutMs), this.#limits.maxTimeoutMs);
  }

  /** Creates a session. */
  open(timeoutMs: number): Session {
    while (this.#entries.has(this.#nextId)) this.#nextId += 1n;
    const id = this.#nextId;
    this.#nextId += 1n;
    return this.adopt({ id, timeoutMs, password: passwordOf(id) });
  }

  /** Adds an existing session, with its full timeout. */
  adopt({ id, timeoutMs, password }: Session): Session {
    const entry = { id, timeoutMs, password, heardAtMs: this.#clock.now() };
    this.#entries.set(id, entry);
    return entry;
  }

  /**
   * Resumes a session on a new connection.
   *
   * @returns `null` when the session is over, or the password is wrong
   */
  resume(id: bigint, password: Uint8Array | null, timeoutMs: number): Session | null {
    const entry = this.#entries.get(id);
    if (entry === undefined || password === null || !entry.password.equals(password)) return null;
    entry.timeoutMs = timeoutMs;
    entry.heardAtMs = this.#clock.now();
    return entry;
  }

  /** Records that the client of a session was heard from. */
  touch(id: bigint): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.heardAtMs = this.#clock.now();
  }

  /** Gives every session its full timeout again, as a server does after its start. */
  touchAll(): void {
    for (const entry of this.#entries.values()) entry.heardAtMs = this.#clock.now();
  }

  /** Returns the time on the clock when a silent session expires: the tick after its timeout. */
  deadlineOf(id: bigint): number {
    const entry = this.#entries.get(id);
    return entry === undefined ? 0 : this.#deadline(entry);
  }

  /** Removes a session. */
  remove(id: bigint): void {
    this.#entries.delete(id);
  }

  /** Returns the sessions that were silent for too long. */
  overdue(): readonly Session[] {
    const now = this.#clock.now();
    return [...this.#entries.values()].filter((entry) => this.#deadline(entry) <= now);
  }

  #deadline({ heardAtMs, timeoutMs }: Entry): number {
    const { tickTimeMs } = this.#limits;
    return (Math.floor((heardAtMs + timeoutMs) / tickTimeMs) + 1) * tickTimeMs;
  }
}

/** Returns the password that a real server gives a session: 16 bytes of Java's `Random`, seeded with the id. */
function passwordOf(id: bigint): Buffer {
  const modulus = 0xffff_ffff_ffffn;
  const password = Buffer.alloc(PASSWORD_BYTES);
  let state = (BigInt.asUintN(64, id ^ PASSWORD_SALT) ^ 0x5_deec_e66dn) & modulus;
  for (let at = 0; at < PASSWORD_BYTES; at += 4) {
    state = (state * 0x5_deec_e66dn + 0xbn) & modulus;
    password.writeUInt32LE(Number((state >> 16n) & 0xffff_ffffn), at);
  }
  return password;
}
