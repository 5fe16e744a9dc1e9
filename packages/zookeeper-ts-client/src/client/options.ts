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
  /**
   * Connects over TLS: `true` for the defaults, or what `tls.connect` of Node takes. The certificate of the server is verified, and its name, which
   * is that of the connect string. A function is asked at each connection. Default: no TLS.
   */
  readonly tls?: Tls | undefined;
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

/** Time, chance and network: what a client takes from outside. Only tests and simulations replace it. */
export interface Runtime {
  readonly clock: Clock;
  readonly random: () => number;
  readonly open: OpenTransport;
  readonly lookup: LookupFunction;
  readonly firstXid: number;
}

/** The machine itself. */
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
/** What is inside belongs to Node, which checks it at each connection. */
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
 * @throws TypeError for an option that does not exist or is of a wrong type, RangeError for one out of range; both name the option
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

/** Checks the options of the first connection alone. @throws as `checkZooKeeperOptions` */
export function checkConnectOptions(
  where: string,
  options: Pick<ZooKeeperOptions, 'signal' | 'connectDeadlineMs'>,
): void {
  checkOptions(where, { signal: checks.signal, connectDeadlineMs: checks.connectDeadlineMs }, options);
}

/** Fills in the defaults of options that have been checked. */
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
