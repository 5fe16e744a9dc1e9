import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import {
  aBoolean,
  aFunction,
  anyBigint,
  arrayOf,
  aSignal,
  aString,
  bigintFrom,
  bytesOfLength,
  type ChecksOf,
  checkOptions,
  type OptionCheck,
  objectOf,
  secretBytes,
  wholeNumber,
} from '../checks/option-checks.js';
import { DEFAULT_MAX_FRAME_BYTES } from '../protocol/frame.js';
import { PASSWORD_BYTES } from '../protocol/handshake.js';
import { type Clock, systemClock } from '../session/clock.js';
import type { SessionOptions } from '../session/session-options.js';
import { openTcpTransport } from '../transport/tcp-transport.js';
import { type Tls, tlsTransport } from '../transport/tls-transport.js';
import type { OpenTransport } from '../transport/transport.js';
import type { Auth } from './well-known-acls.js';

/** Failed attempt to establish a session at a server, or failed look-up of a server's name. */
export interface AttemptFailure {
  /** Server as `host:port`, followed by the IP address if that differs from the host: `zk.example.org:2181 (10.0.0.7)`. */
  readonly server: string;
  readonly error: Error;
  /** Number of the attempt since the last established connection; the first attempt is 1. */
  readonly attempt: number;
}

/** Options of `ZooKeeper.connect`. Every option has a default. Durations are in milliseconds. */
export interface ZooKeeperOptions {
  /**
   * Requested session timeout in milliseconds. The server limits it to its own range (2 to 20 ticks). Default 10,000; from 1 to
   * 2^31-1.
   */
  readonly sessionTimeoutMs?: number | undefined;
  /**
   * Limit of one attempt to connect, in milliseconds: TCP connect and handshake together, without the name look-up. From 1 to 2^31-1.
   *
   * Default: the session timeout divided by the number of addresses. After a refused attempt the default is at first at most 1,000,
   * and doubles whenever no address has answered in time.
   */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * Longest time in milliseconds that a request waits for a connection. Default: the session timeout; from 1 to 2^31-1.
   *
   * If this option is given, it also limits the wait for the reply. The client gives up a connection on which a reply is overdue,
   * since replies come in order.
   */
  readonly requestTimeoutMs?: number | undefined;
  /**
   * Size of the largest frame that the client sends or accepts, in bytes. Default 1,048,575, which is the default of `jute.maxbuffer`;
   * from 1,024 to 2^31-1. Set it to the `jute.maxbuffer` of the servers.
   */
  readonly maxFrameBytes?: number | undefined;
  /** Largest number of requests that are sent and not answered. Further requests wait. Default 1,000; from 1 to 2^31-1. */
  readonly maxInFlight?: number | undefined;
  /**
   * Pauses between rounds of attempts, in milliseconds; a round tries every address once. Each pause is random, from `minDelayMs` to a
   * limit that doubles with each round up to `maxDelayMs`.
   *
   * Default 100 and 1,000; from 0 to 2^31-1. If only a `minDelayMs` above 1,000 is given, `maxDelayMs` equals it.
   */
  readonly reconnect?:
    | { readonly minDelayMs?: number | undefined; readonly maxDelayMs?: number | undefined }
    | undefined;
  /** Whether the client accepts a server in read-only mode until it finds another server. Default false. */
  readonly canBeReadOnly?: boolean | undefined;
  /**
   * Resolves the names of servers; has the signature of the option `lookup` of `net.connect`. Before each round of attempts the client
   * asks for all addresses of all names. A look-up may take 10 s; meanwhile the last successful result stays in use. Default
   * `dns.lookup`.
   */
  readonly lookup?: LookupFunction | undefined;
  /**
   * Connects over TLS: `true` for the defaults, or the options of Node's `tls.connect`. The client verifies the server's certificate
   * and its name, which must be the name in the connect string. A function is called for each connection. Default: no TLS.
   */
  readonly tls?: Tls | undefined;
  /** Credentials, which the client sends first on every connection. */
  readonly auth?: readonly Auth[] | undefined;
  /**
   * Creates the chroot of the connect string, with its parents, if it does not exist. Default false: `connect` rejects if the chroot
   * is missing.
   */
  readonly createChroot?: boolean | undefined;
  /**
   * Longest time in milliseconds in which `connect` tries to get a session, over all servers and rounds. Default 30,000; from 1, or
   * `Infinity` to try until `signal` aborts.
   */
  readonly connectDeadlineMs?: number | undefined;
  /**
   * Called for each failed attempt at a server and each failed name look-up, during the first connection and at every reconnect. An
   * error that it throws becomes a `callbackError` event.
   */
  readonly onAttemptFailed?: ((failure: AttemptFailure) => void) | undefined;
  /**
   * Zxid of the last transaction that an earlier session of this program has seen. The new session starts at that transaction, so it
   * never reads older data. If the servers have lost that transaction, the client emits `historyWentBack`. Default 0n: start at any
   * transaction.
   */
  readonly lastZxidSeen?: bigint | undefined;
  /** Session of an earlier process to resume. If another process uses the session, that process loses it. */
  readonly session?: { readonly id: bigint; readonly passwd: Uint8Array } | undefined;
  /**
   * Stops connecting when it aborts: `connect` rejects with the last failure at each server. The signal has no effect once the client
   * is connected.
   */
  readonly signal?: AbortSignal | undefined;
}

/** Clock, random numbers and network of a client. Only tests and simulations replace them. */
export interface Runtime {
  readonly clock: Clock;
  readonly random: () => number;
  readonly open: OpenTransport;
  readonly lookup: LookupFunction;
  readonly firstXid: number;
}

/** Runtime that uses the real clock, random numbers and network of the machine. */
export const systemRuntime: Runtime = {
  clock: systemClock,
  random: Math.random,
  open: openTcpTransport,
  lookup,
  firstXid: 1,
};

const MAX_DELAY_MS = 2 ** 31 - 1;

const milliseconds = wholeNumber(1, MAX_DELAY_MS);
const pauseMs = wholeNumber(0, MAX_DELAY_MS);
const credentials: ChecksOf<Auth> = { scheme: aString, auth: secretBytes };
const resumed: ChecksOf<NonNullable<ZooKeeperOptions['session']>> = {
  id: anyBigint,
  passwd: bytesOfLength(PASSWORD_BYTES),
};
/** Node checks the contents at each connection. */
const trueObjectOrFunction: OptionCheck = {
  expected: 'true, an object or a function',
  faultOf: (value) =>
    value === true ||
    typeof value === 'function' ||
    (typeof value === 'object' && value !== null && !Array.isArray(value))
      ? null
      : 'type',
};
const checks: ChecksOf<ZooKeeperOptions> = {
  sessionTimeoutMs: milliseconds,
  connectTimeoutMs: milliseconds,
  requestTimeoutMs: milliseconds,
  maxFrameBytes: wholeNumber(1024, MAX_DELAY_MS),
  maxInFlight: wholeNumber(1, MAX_DELAY_MS),
  reconnect: objectOf({ minDelayMs: pauseMs, maxDelayMs: pauseMs }),
  canBeReadOnly: aBoolean,
  lookup: aFunction,
  tls: trueObjectOrFunction,
  auth: arrayOf(objectOf(credentials, ['scheme', 'auth'])),
  createChroot: aBoolean,
  connectDeadlineMs: wholeNumber(1, MAX_DELAY_MS, { orInfinity: true }),
  onAttemptFailed: aFunction,
  lastZxidSeen: bigintFrom(0n),
  session: objectOf(resumed, ['id', 'passwd']),
  signal: aSignal,
};

/**
 * Checks the options of a client.
 *
 * @throws {TypeError} when an option does not exist or has the wrong type; the message names the option
 * @throws {RangeError} when an option is out of range; the message names the option
 */
export function checkZooKeeperOptions(options: ZooKeeperOptions): void {
  checkOptions('ZooKeeper.connect', checks, options);
  const { minDelayMs = 0, maxDelayMs = Number.POSITIVE_INFINITY } = options.reconnect ?? {};
  if (maxDelayMs < minDelayMs) {
    throw new RangeError(
      `Expected option \`reconnect.maxDelayMs\` of ZooKeeper.connect to be at least \`minDelayMs\`, ${minDelayMs}, got ${maxDelayMs}`,
    );
  }
}

/**
 * Checks only the options of the first connection.
 *
 * @throws the same errors as `checkZooKeeperOptions`
 */
export function checkConnectOptions(
  where: string,
  options: Pick<ZooKeeperOptions, 'signal' | 'connectDeadlineMs'>,
): void {
  checkOptions(where, { signal: checks.signal, connectDeadlineMs: checks.connectDeadlineMs }, options);
}

/** Converts options that have been checked to session options, and fills in the defaults. */
export function sessionOptions(options: ZooKeeperOptions, runtime: Runtime): SessionOptions {
  const { session, reconnect = {} } = options;
  const { minDelayMs = 100 } = reconnect;
  const { maxDelayMs = Math.max(1000, minDelayMs) } = reconnect;
  return {
    sessionTimeoutMs: options.sessionTimeoutMs ?? 10_000,
    connectTimeoutMs: options.connectTimeoutMs,
    requestTimeoutMs: options.requestTimeoutMs,
    maxFrameBytes: options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES,
    maxInFlight: options.maxInFlight ?? 1000,
    reconnect: { minDelayMs, maxDelayMs },
    canBeReadOnly: options.canBeReadOnly ?? false,
    lastZxidSeen: options.lastZxidSeen ?? 0n,
    identity: session === undefined ? null : { id: session.id, passwd: session.passwd },
    ...runtime,
    open: options.tls === undefined ? runtime.open : tlsTransport(options.tls),
    lookup: options.lookup ?? runtime.lookup,
  };
}
