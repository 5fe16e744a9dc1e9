import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { DEFAULT_MAX_FRAME_BYTES } from '../protocol/frame.js';
import { PASSWORD_BYTES } from '../protocol/handshake.js';
import { type Clock, systemClock } from '../session/clock.js';
import type { SessionOptions } from '../session/session-options.js';
import { openTcpTransport } from '../transport/tcp-transport.js';
import type { OpenTransport } from '../transport/transport.js';
import type { Auth } from './well-known-acls.js';

/** An attempt to connect that gave no session. */
export interface AttemptFailure {
  /** `host:port` of the server. */
  readonly server: string;
  readonly error: Error;
  /** Ordinal of the attempt since the last connection that stood; the first is 1. */
  readonly attempt: number;
}

/** How `ZooKeeper.connect` is told what to do. Everything has a default. Durations are milliseconds. */
export interface ZooKeeperOptions {
  /** Asked for; the server negotiates it into its own range (2 to 20 ticks). Default 10,000; from 1 to 2^31-1. */
  readonly sessionTimeoutMs?: number | undefined;
  /** For one attempt, TCP and handshake together, without the look-up. Default: the session timeout divided by the number of addresses. */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * How long a request made without a connection waits for one: default the session timeout. And, only where given, how
   * long a request may take: a connection on which a reply is overdue is given up, since replies come in order.
   */
  readonly requestTimeoutMs?: number | undefined;
  /** Largest frame sent or accepted, in bytes. Default 1,048,575, as `jute.maxbuffer` of the server, which it should equal. */
  readonly maxFrameBytes?: number | undefined;
  /** Requests sent and not answered beyond which others wait. Default 1,000. */
  readonly maxInFlight?: number | undefined;
  /**
   * Pauses between attempts, once every address has been tried: random, from `minDelayMs` up to a limit that doubles with each
   * round to `maxDelayMs`. Default 100 and 1,000.
   */
  readonly reconnect?:
    | { readonly minDelayMs?: number | undefined; readonly maxDelayMs?: number | undefined }
    | undefined;
  /** Whether a server in read-only mode will do until another is found. Default false. */
  readonly canBeReadOnly?: boolean | undefined;
  /**
   * Resolves the names of servers, as the option of `net.connect`; asked for all addresses of all names before each round of
   * attempts. An answer may take 10 s; the last good one stays in use meanwhile. Default `dns.lookup`.
   */
  readonly lookup?: LookupFunction | undefined;
  /** Credentials, sent on every connection before anything else. */
  readonly auth?: readonly Auth[] | undefined;
  /** Creates the chroot of the connect string, with its parents, if it does not exist. Default false: `connect` rejects then. */
  readonly createChroot?: boolean | undefined;
  /**
   * How long `connect` tries to get a session, over all servers and rounds. Default 30,000; from 1, or `Infinity` to try until
   * `signal` aborts.
   */
  readonly connectDeadlineMs?: number | undefined;
  /** Told of each attempt at a server that gave no session, now and at every reconnect. What it throws is a `callbackError`. */
  readonly onAttemptFailed?: ((failure: AttemptFailure) => void) | undefined;
  /**
   * The last transaction that an earlier session of this program has seen. The new session starts there, so that it never reads
   * older data; if the servers have lost that transaction, `historyWentBack` says so. Default 0n: start at any.
   */
  readonly lastZxidSeen?: bigint | undefined;
  /** A session of an earlier process to go on with. Resuming one that another process uses takes it away from that one. */
  readonly session?: { readonly id: bigint; readonly passwd: Uint8Array } | undefined;
  /** Gives up connecting: `connect` rejects with what each server said. Has no effect once connected. */
  readonly signal?: AbortSignal | undefined;
}

/** What only tests replace. */
export interface Environment {
  readonly clock: Clock;
  readonly random: () => number;
  readonly open: OpenTransport;
  readonly lookup: LookupFunction;
  readonly firstXid: number;
}

/** The machine itself. */
export const systemEnvironment: Environment = {
  clock: systemClock,
  random: Math.random,
  open: openTcpTransport,
  lookup,
  firstXid: 1,
};

const MAX_DELAY_MS = 2 ** 31 - 1;

const known: ReadonlySet<string> = new Set<keyof ZooKeeperOptions>([
  'sessionTimeoutMs',
  'connectTimeoutMs',
  'requestTimeoutMs',
  'maxFrameBytes',
  'maxInFlight',
  'reconnect',
  'canBeReadOnly',
  'lookup',
  'createChroot',
  'connectDeadlineMs',
  'onAttemptFailed',
  'lastZxidSeen',
  'auth',
  'session',
  'signal',
]);

/**
 * Checks the options and fills in the defaults.
 *
 * @throws TypeError for an option that does not exist, RangeError for a number out of range; both name the option
 */
export function sessionOptions(options: ZooKeeperOptions, environment: Environment): SessionOptions {
  for (const name of Object.keys(options)) {
    if (!known.has(name)) throw new TypeError(`Expected options among ${[...known].join(', ')}, got '${name}'`);
  }
  const minDelayMs = whole('reconnect.minDelayMs', options.reconnect?.minDelayMs ?? 100, 0, MAX_DELAY_MS);
  const maxDelayMs = whole(
    'reconnect.maxDelayMs',
    options.reconnect?.maxDelayMs ?? Math.max(1000, minDelayMs),
    minDelayMs,
    MAX_DELAY_MS,
  );
  const { session } = options;
  if (session !== undefined && (typeof session.id !== 'bigint' || !(session.passwd instanceof Uint8Array))) {
    throw new TypeError('Expected `session` to be { id: bigint, passwd: Uint8Array }');
  }
  if (session !== undefined && session.passwd.length !== PASSWORD_BYTES) {
    throw new RangeError(`Expected \`session.passwd\` to have ${PASSWORD_BYTES} bytes, got ${session.passwd.length}`);
  }
  if (options.lookup !== undefined && typeof options.lookup !== 'function') {
    throw new TypeError(`Expected \`lookup\` to be a function, got ${typeof options.lookup}`);
  }
  return {
    sessionTimeoutMs: whole('sessionTimeoutMs', options.sessionTimeoutMs ?? 10_000, 1, MAX_DELAY_MS),
    connectTimeoutMs: optional('connectTimeoutMs', options.connectTimeoutMs),
    requestTimeoutMs: optional('requestTimeoutMs', options.requestTimeoutMs),
    maxFrameBytes: whole('maxFrameBytes', options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES, 1024, MAX_DELAY_MS),
    maxInFlight: whole('maxInFlight', options.maxInFlight ?? 1000, 1, MAX_DELAY_MS),
    reconnect: { minDelayMs, maxDelayMs },
    canBeReadOnly: options.canBeReadOnly ?? false,
    lastZxidSeen: lastZxidSeen(options.lastZxidSeen),
    identity: session === undefined ? null : { id: session.id, passwd: session.passwd },
    ...environment,
    lookup: options.lookup ?? environment.lookup,
  };
}

/**
 * Checks the limits of the first connection and fills in the default.
 *
 * @throws TypeError for a listener that is no function, RangeError for a limit out of range
 */
export function connectDeadlineOf({ connectDeadlineMs = 30_000, onAttemptFailed }: ZooKeeperOptions): number {
  if (onAttemptFailed !== undefined && typeof onAttemptFailed !== 'function') {
    throw new TypeError(`Expected \`onAttemptFailed\` to be a function, got ${typeof onAttemptFailed}`);
  }
  if (connectDeadlineMs === Number.POSITIVE_INFINITY) return connectDeadlineMs;
  return whole('connectDeadlineMs', connectDeadlineMs, 1, MAX_DELAY_MS);
}

function lastZxidSeen(zxid: bigint = 0n): bigint {
  if (typeof zxid !== 'bigint' || zxid < 0n) {
    throw new RangeError(`Expected \`lastZxidSeen\` to be a bigint from 0n, got ${String(zxid)}`);
  }
  return zxid;
}

function optional(name: string, value: number | undefined): number | undefined {
  return value === undefined ? undefined : whole(name, value, 1, MAX_DELAY_MS);
}

function whole(name: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`Expected \`${name}\` to be a whole number from ${min} to ${max}, got ${String(value)}`);
  }
  return value;
}
