import { DEFAULT_MAX_FRAME_BYTES } from 'zookeeper-ts-client/protocol';
import { type Clock, systemClock } from './clock.js';
import type { Snapshot } from './snapshot.js';

/** How a test server is set up. What is left out has the default named. */
export interface TestServerOptions {
  /** Port to listen on; 0, the default, takes a free one. */
  readonly port?: number;
  /** Address to listen on; `127.0.0.1` by default. */
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
  /** Digest of the super user, `user:base64(sha1(user:password))`; by default there is none. */
  readonly superDigest?: string;
  /** How often containers and TTL znodes are looked after, in milliseconds; 60 000 by default. */
  readonly containerCheckIntervalMs?: number;
  /** A container that never had a child goes after this time, in milliseconds; 0, the default, for never. */
  readonly containerMaxNeverUsedMs?: number;
  /** Four-letter words that are answered; all by default. */
  readonly commands?: readonly string[];
  /** Tree and sessions to begin with, from `TestServer.snapshot()`; by default an empty tree. */
  readonly snapshot?: Snapshot;
  /**
   * Version to behave like where they differ; `3.9` by default. `3.8`: notifications carry no zxid, a client has one
   * watch mode a path, `create2` in a `multi` yields no `Stat`, `exists` needs no READ, no watcher types 4 and 5.
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

/** Fills in the defaults. @throws RangeError when a number is out of its range */
export function settingsOf(options: TestServerOptions): ServerSettings {
  const tickTimeMs = atLeast('tickTimeMs', options.tickTimeMs ?? 500, 1);
  return {
    port: atLeast('port', options.port ?? 0, 0),
    host: options.host ?? '127.0.0.1',
    tickTimeMs,
    minSessionTimeoutMs: atLeast('minSessionTimeoutMs', options.minSessionTimeoutMs ?? tickTimeMs * 2, 1),
    maxSessionTimeoutMs: atLeast('maxSessionTimeoutMs', options.maxSessionTimeoutMs ?? tickTimeMs * 20, 1),
    clock: options.clock ?? systemClock,
    seed: options.seed ?? null,
    maxFrameBytes: atLeast('maxFrameBytes', options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES, 64),
    maxClientConnections: atLeast('maxClientConnections', options.maxClientConnections ?? 0, 0),
    maxConnections: atLeast('maxConnections', options.maxConnections ?? 10_000, 1),
    maxUnreadBytes: atLeast('maxUnreadBytes', options.maxUnreadBytes ?? 64 * 1024 * 1024, 1),
    ttlZnodes: options.ttlZnodes ?? true,
    enforceQuota: options.enforceQuota ?? false,
    superDigest: options.superDigest ?? null,
    containerCheckIntervalMs: atLeast('containerCheckIntervalMs', options.containerCheckIntervalMs ?? 60_000, 1),
    containerMaxNeverUsedMs: atLeast('containerMaxNeverUsedMs', options.containerMaxNeverUsedMs ?? 0, 0),
    commands: options.commands === undefined ? null : new Set(options.commands),
    snapshot: options.snapshot ?? null,
    compat: options.compat ?? '3.9',
  };
}

function atLeast(name: string, value: number, least: number): number {
  if (Number.isFinite(value) && value >= least) return value;
  throw new RangeError(`Expected \`${name}\` to be ${least} or more, got ${value}`);
}
