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

/** The words of administration. @see https://zookeeper.apache.org/doc/r3.9.3/zookeeperAdmin.html#sc_4lw */
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

/** One of the words of administration. */
export type FourLetterWord = (typeof FOUR_LETTER_WORDS)[number];

/** How a test server is set up. What is left out has the default named. */
export interface TestServerOptions {
  /** Port to listen on, from 0 to 65 535; 0, the default, takes a free one. */
  readonly port?: number;
  /** Address to listen on, one of IPv6 without brackets; `127.0.0.1` by default. */
  readonly host?: string;
  /** ZooKeeper's unit of time, in milliseconds; 500 by default. Sessions end at multiples of it. */
  readonly tickTimeMs?: number;
  /** Shortest session timeout granted, in milliseconds; two ticks by default. */
  readonly minSessionTimeoutMs?: number;
  /** Longest session timeout granted, in milliseconds; twenty ticks by default. */
  readonly maxSessionTimeoutMs?: number;
  /** Where the time comes from: the machine by default, or a `VirtualClock`. */
  readonly clock?: Clock;
  /** Children are listed in an order shuffled by this seed; by default in the order of their creation. */
  readonly seed?: number;
  /** Longest frame taken from a client, in bytes (`jute.maxbuffer`); 1 048 575 by default. */
  readonly maxFrameBytes?: number;
  /** Most connections of one address (`maxClientCnxns`); 0, the default, for any number. */
  readonly maxClientConnections?: number;
  /** Most connections altogether; 10 000 by default. */
  readonly maxConnections?: number;
  /** A client that leaves more than this unread is disconnected, in bytes; 64 MiB by default. */
  readonly maxUnreadBytes?: number;
  /** Whether znodes with a time to live may be made (`extendedTypesEnabled`); true by default. */
  readonly ttlZnodes?: boolean;
  /** Whether hard quotas are enforced (`enforceQuota`); false by default. */
  readonly enforceQuota?: boolean;
  /** Digest of the super user, `user:base64(sha1(user:password))`, from `digestOf`; by default there is none. */
  readonly superDigest?: string;
  /** How often containers and TTL znodes are looked after, in milliseconds; 60 000 by default. */
  readonly containerCheckIntervalMs?: number;
  /** A container that never had a child goes after this time, in milliseconds; 0, the default, for never. */
  readonly containerMaxNeverUsedMs?: number;
  /** Four-letter words that are answered; all by default. */
  readonly commands?: readonly FourLetterWord[];
  /** Tree and sessions to begin with, from `TestServer.snapshot()`; by default an empty tree. */
  readonly snapshot?: Snapshot;
  /**
   * Version to behave like where they differ; `3.9`, the default, is as of 3.9.6. `3.8`: notifications carry no zxid, a client
   * has one watch mode a path, `create2` in a `multi` yields no `Stat`, `exists` and `setWatches` need no READ, no watcher types 4 and 5, no
   * addresses of IPv6 in ACLs.
   */
  readonly compat?: '3.8' | '3.9';
}

/** The options with their defaults filled in. */
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
 * @throws {TypeError} when an option has an unknown name or another type
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
