import { DEFAULT_MAX_FRAME_BYTES } from 'zookeeper-ts-client/protocol';
import {
  type Checks,
  checkFields,
  isA,
  isBoolean,
  isInteger,
  isNumber,
  isOneOf,
  isText,
  textOf,
} from './argument-checks.js';
import { type Clock, systemClock } from './clock.js';
import type { Snapshot } from './snapshot.js';

/** Four-letter words: commands of administration. @see https://zookeeper.apache.org/doc/r3.9.3/zookeeperAdmin.html#sc_4lw */
export const FOUR_LETTER_WORDS = [
  'ruok',
  'isro',
  'srvr',
  'stat',
  'mntr',
  'conf',
  'cons',
  'crst',
  'wchs',
  'wchp',
  'wchc',
  'dump',
  'envi',
  'srst',
  'dirs',
  'hash',
  'gtmk',
  'stmk',
] as const;

/** Name of a four-letter word. */
export type FourLetterWord = (typeof FOUR_LETTER_WORDS)[number];

/** Options of a test server. Every option has a default. */
export interface TestServerOptions {
  /** Port to listen on. Default 0, which takes a free port; from 0 to 65,535. */
  readonly port?: number;
  /** Address to listen on; an IPv6 address without brackets. Default `127.0.0.1`. */
  readonly host?: string;
  /** ZooKeeper's unit of time (`tickTime`), in milliseconds. Default 500. Sessions expire at multiples of a tick. */
  readonly tickTimeMs?: number;
  /** Shortest session timeout that the server grants, in milliseconds. Default: two ticks. */
  readonly minSessionTimeoutMs?: number;
  /** Longest session timeout that the server grants, in milliseconds. Default: twenty ticks. */
  readonly maxSessionTimeoutMs?: number;
  /** Clock of the server, for example a `VirtualClock`. Default: the clocks of this machine. */
  readonly clock?: Clock;
  /**
   * Seed that shuffles the order in which children are listed. Default: no shuffling; children are listed in the order of their creation.
   */
  readonly seed?: number;
  /** Size of the largest frame that the server accepts, in bytes (`jute.maxbuffer`). Default 1,048,575. */
  readonly maxFrameBytes?: number;
  /** Largest number of connections from one address (`maxClientCnxns`). Default 0: any number. */
  readonly maxClientConnections?: number;
  /** Largest number of connections altogether. Default 10,000. */
  readonly maxConnections?: number;
  /** Largest number of bytes that a client may leave unread; then the server disconnects it. Default 64 MiB. */
  readonly maxUnreadBytes?: number;
  /** Whether clients may create znodes with a time to live (`extendedTypesEnabled`). Default true. */
  readonly ttlZnodes?: boolean;
  /** Whether the server enforces hard quotas (`enforceQuota`). Default false. */
  readonly enforceQuota?: boolean;
  /** Digest of the super user, `user:base64(sha1(user:password))`, from `digestOf`. Default: no super user. */
  readonly superDigest?: string;
  /** Interval in milliseconds at which the server removes containers and TTL znodes that are due. Default 60,000. */
  readonly containerCheckIntervalMs?: number;
  /** Time in milliseconds after which the server removes a container that never had a child. Default 0: never. */
  readonly containerMaxNeverUsedMs?: number;
  /** Four-letter words that the server answers. Default: all of them. */
  readonly commands?: readonly FourLetterWord[];
  /** Tree and sessions at the start, from `TestServer.snapshot()`. Default: an empty tree. */
  readonly snapshot?: Snapshot;
  /**
   * Version whose behaviour the server has. Default `3.9`, which behaves as 3.9.6. With `3.8`:
   *
   * - notifications carry no zxid
   * - a client has one watch mode for each path
   * - `create2` in a `multi` yields no `Stat`
   * - `exists` and `setWatches` need no READ permission
   * - watcher types 4 and 5, and IPv6 addresses in ACLs, are unknown
   */
  readonly compat?: '3.8' | '3.9';
}

/** Options of a test server, with defaults filled in. */
export interface ServerSettings
  extends Required<Omit<TestServerOptions, 'seed' | 'superDigest' | 'commands' | 'snapshot'>> {
  readonly seed: number | null;
  readonly superDigest: string | null;
  readonly commands: ReadonlySet<string> | null;
  readonly snapshot: Snapshot | null;
}

const isWord = isOneOf(FOUR_LETTER_WORDS);
const isClock = isA('a clock with now, wallNow and schedule', (value) => {
  const methods: readonly (keyof Clock)[] = ['now', 'wallNow', 'schedule'];
  return methods.every((method) => typeof (value as Clock | null)?.[method] === 'function');
});
const isDigest = isA(
  'a digest from `digestOf`, user:base64(sha1(user:password))',
  (value) => typeof value === 'string' && /^[^:]*:[A-Za-z\d+/]{27}=$/.test(value),
);
const isSnapshot = isA('what `snapshot()` gave', (value) => typeof value === 'object' && value !== null);

const checks: Checks<TestServerOptions> = {
  port: isInteger(0, 65_535),
  host: isText,
  tickTimeMs: isNumber(1),
  minSessionTimeoutMs: isNumber(1),
  maxSessionTimeoutMs: isNumber(1),
  clock: isClock,
  seed: isNumber(),
  maxFrameBytes: isInteger(64),
  maxClientConnections: isInteger(0),
  maxConnections: isInteger(1),
  maxUnreadBytes: isInteger(1),
  ttlZnodes: isBoolean,
  enforceQuota: isBoolean,
  superDigest: isDigest,
  containerCheckIntervalMs: isNumber(1),
  containerMaxNeverUsedMs: isNumber(0),
  commands: (name, value) => {
    if (!Array.isArray(value)) throw new TypeError(`Expected \`${name}\` to be an array, got ${textOf(value)}`);
    for (const [index, word] of value.entries()) isWord(`${name}[${index}]`, word);
  },
  snapshot: isSnapshot,
  compat: isOneOf(['3.8', '3.9'] satisfies TestServerOptions['compat'][]),
};

/**
 * Fills in the defaults.
 *
 * @throws {TypeError} when an option has an unknown name or a wrong type
 * @throws {RangeError} when a number is out of its range
 */
export function settingsOf(options: TestServerOptions): ServerSettings {
  checkFields('TestServer.start', options, checks);
  const { tickTimeMs = 500, minSessionTimeoutMs = tickTimeMs * 2, maxSessionTimeoutMs = tickTimeMs * 20 } = options;
  if (minSessionTimeoutMs > maxSessionTimeoutMs) {
    throw new RangeError(
      `Expected \`minSessionTimeoutMs\` to be at most \`maxSessionTimeoutMs\` (${maxSessionTimeoutMs}), got ${minSessionTimeoutMs}`,
    );
  }
  return {
    port: options.port ?? 0,
    host: options.host ?? '127.0.0.1',
    tickTimeMs,
    minSessionTimeoutMs,
    maxSessionTimeoutMs,
    clock: options.clock ?? systemClock,
    seed: options.seed ?? null,
    maxFrameBytes: options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES,
    maxClientConnections: options.maxClientConnections ?? 0,
    maxConnections: options.maxConnections ?? 10_000,
    maxUnreadBytes: options.maxUnreadBytes ?? 64 * 1024 * 1024,
    ttlZnodes: options.ttlZnodes ?? true,
    enforceQuota: options.enforceQuota ?? false,
    superDigest: options.superDigest ?? null,
    containerCheckIntervalMs: options.containerCheckIntervalMs ?? 60_000,
    containerMaxNeverUsedMs: options.containerMaxNeverUsedMs ?? 0,
    commands: options.commands === undefined ? null : new Set(options.commands),
    snapshot: options.snapshot ?? null,
    compat: options.compat ?? '3.9',
  };
}
