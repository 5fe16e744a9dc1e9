import { PASSWORD_BYTES } from 'zookeeper-ts-client/protocol';
import type { Clock } from './clock.js';

/** A session: what is left of it when the connection is gone. */
export interface Session {
  readonly id: bigint;
  /** Negotiated; a client that resumes it may negotiate another. */
  readonly timeoutMs: number;
  readonly password: Buffer;
}

interface Entry {
  readonly id: bigint;
  timeoutMs: number;
  readonly password: Buffer;
  /** When its client was last heard of, on the clock. */
  heardAtMs: number;
}

/** Bounds of the timeouts that are granted, in milliseconds. */
export interface SessionLimits {
  /** The unit of time: sessions end at multiples of it. */
  readonly tickTimeMs: number;
  readonly minTimeoutMs: number;
  readonly maxTimeoutMs: number;
}

/** The first byte of session ids: this server's number. */
const SERVER_ID = 1n;
/** What Java mixes into a session id before it makes the password of it. */
const PASSWORD_SALT = 0xb3415c00n;

/** The sessions that are alive. It ends none by itself: it says which are over. */
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

  /** The timeout that a client gets which asks for this one. */
  negotiate(timeoutMs: number): number {
    return Math.min(Math.max(timeoutMs, this.#limits.minTimeoutMs), this.#limits.maxTimeoutMs);
  }

  /** Begins a session. */
  open(timeoutMs: number): Session {
    while (this.#entries.has(this.#nextId)) this.#nextId += 1n;
    const id = this.#nextId;
    this.#nextId += 1n;
    return this.adopt({ id, timeoutMs, password: passwordOf(id) });
  }

  /** Takes in a session that was alive before, with a fresh full timeout. */
  adopt({ id, timeoutMs, password }: Session): Session {
    const entry = { id, timeoutMs, password, heardAtMs: this.#clock.now() };
    this.#entries.set(id, entry);
    return entry;
  }

  /**
   * Goes on with a session on a new connection.
   *
   * @returns `null` when it is over, or the password is not its
   */
  resume(id: bigint, password: Uint8Array | null, timeoutMs: number): Session | null {
    const entry = this.#entries.get(id);
    if (entry === undefined || password === null || !entry.password.equals(password)) return null;
    entry.timeoutMs = timeoutMs;
    entry.heardAtMs = this.#clock.now();
    return entry;
  }

  /** Its client was heard of. */
  touch(id: bigint): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.heardAtMs = this.#clock.now();
  }

  /** Gives every session its full timeout again, as a server that has just started does. */
  touchAll(): void {
    for (const entry of this.#entries.values()) entry.heardAtMs = this.#clock.now();
  }

  /** When a session ends if nothing is heard of it: the tick after its timeout, on the clock. */
  deadlineOf(id: bigint): number {
    const entry = this.#entries.get(id);
    return entry === undefined ? 0 : this.#deadline(entry);
  }

  /** Forgets a session. */
  remove(id: bigint): void {
    this.#entries.delete(id);
  }

  /** The sessions that were silent for too long. */
  overdue(): readonly Session[] {
    const now = this.#clock.now();
    return [...this.#entries.values()].filter((entry) => this.#deadline(entry) <= now);
  }

  #deadline({ heardAtMs, timeoutMs }: Entry): number {
    const { tickTimeMs } = this.#limits;
    return (Math.floor((heardAtMs + timeoutMs) / tickTimeMs) + 1) * tickTimeMs;
  }
}

/** The password that a real server gives a session: 16 bytes of Java's `Random`, seeded with the id. */
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
