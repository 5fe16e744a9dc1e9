import type { LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import * as z from 'zod/mini';
import type { Acl, AttemptFailure, Auth, Tls, ZooKeeperOptions } from 'zookeeper-ts-client';
import { checkOptions } from './check-options.js';
import type { EngineOptions } from './execution/engine.js';
import { checkNamespace } from './execution/namespace.js';
import { exponentialBackoff, type RetryPolicy } from './execution/retry-policy.js';

/** Options of a `Keeper`. Durations are in milliseconds. */
export interface KeeperOptions {
  /** Connect string `host:port,host:port/chroot`; the port defaults to 2181. */
  readonly connectString: string;
  /** Creates the chroot of the connect string, with its parents, if it does not exist. Default false. */
  readonly createChroot?: boolean | undefined;
  /**
   * Longest time in which `connect` tries to get the first session, over all servers. Default 30,000; from 1, or `Infinity` for no limit.
   */
  readonly connectDeadlineMs?: number | undefined;
  /**
   * Called for each failed attempt to get a session at a server, during the first connection and at every reconnect. An error that it
   * throws becomes a `backgroundError` event.
   */
  readonly onAttemptFailed?: ((failure: AttemptFailure) => void) | undefined;
  /** Namespace that contains all paths, without a leading `/`. The `Keeper` creates it as containers on first use. Default: none. */
  readonly namespace?: string | undefined;
  /** Requested session timeout; the server limits it to its own range. Default 15,000; from 1 to 2^31-1. */
  readonly sessionTimeoutMs?: number | undefined;
  /** Limit of one attempt at one address of a server. Default: the session timeout divided by the number of addresses. */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * Longest time that a request waits for a connection or for a new session. Default: the session timeout.
   *
   * If this option is given, it also limits the wait for the reply: the client gives up a connection on which a reply is overdue.
   */
  readonly requestTimeoutMs?: number | undefined;
  /**
   * Limit of one operation of the fluent API (each `forPath` and `commit`). The limit includes all attempts, the pauses between them, and
   * the wait for a connection or a new session. Default 30,000; from 1 to 2^31-1, or `Infinity`.
   *
   * After the limit the operation rejects with a `ConnectionLossError`, unless the `retry` policy has ended the operation earlier.
   * Therefore `retryForever` repeats without end only with `operationTimeoutMs: Infinity`. Recipes that wait for other processes
   * (`acquire`, `take`, `enter`, …) are not limited: they wait as long as their `signal` allows.
   */
  readonly operationTimeoutMs?: number | undefined;
  /**
   * Size of the largest frame that the client sends or accepts, in bytes. Default 1,048,575. Set it to the `jute.maxbuffer` of the
   * servers.
   */
  readonly maxFrameBytes?: number | undefined;
  /** Largest number of requests that are sent and not answered. Further requests wait. Default 1,000. */
  readonly maxInFlight?: number | undefined;
  /**
   * Retry policy of operations that are safe to repeat; applies within `operationTimeoutMs`. Default `exponentialBackoff({ baseDelayMs:
   * 50, maxDelayMs: 2_000, maxRetries: 8 })`.
   */
  readonly retry?: RetryPolicy | undefined;
  /**
   * Returns the access control list of a new znode, parents included, for its real path (namespace included). Default: all permissions
   * for every client.
   */
  readonly acl?: ((realPath: string) => readonly Acl[]) | undefined;
  /**
   * Connects over TLS: `true` for the defaults, or the options of Node's `tls.connect`. The client verifies the server's certificate and
   * its name, which must be the name in the connect string. A function is called for each connection, so that certificates can be
   * renewed. Default: no TLS.
   */
  readonly tls?: Tls | undefined;
  /** Credentials, which the client sends first on every connection. Default: none. */
  readonly auth?: readonly Auth[] | undefined;
  /**
   * Whether the client accepts a server in read-only mode until it finds another server. Default false. Without a quorum, servers accept
   * only local sessions (their option `localSessionsEnabled`), and no session that a quorum has created.
   */
  readonly canBeReadOnly?: boolean | undefined;
  /**
   * Resolves the names of servers; has the signature of the option `lookup` of `net.connect`. Before each round of attempts the client
   * asks for all addresses of all names. A look-up may take 10 s; meanwhile the last successful result stays in use. Default
   * `dns.lookup`.
   */
  readonly lookup?: LookupFunction | undefined;
  /** Data of a znode that is created without data; a string becomes UTF-8. Default: this machine's IP address as text, as in Curator. */
  readonly defaultData?: Uint8Array | string | undefined;
  /** Whether the `Keeper` creates missing parents as containers, if the server supports containers. Default true. */
  readonly useContainerParents?: boolean | undefined;
  /** Pauses between rounds of attempts to connect; a round tries every server once. Default 100 and 1,000. */
  readonly reconnect?:
    | { readonly minDelayMs?: number | undefined; readonly maxDelayMs?: number | undefined }
    | undefined;
  /** Stops connecting when it aborts. The signal has no effect once the `Keeper` is connected. */
  readonly signal?: AbortSignal | undefined;
}

/** Options with the defaults filled in, separated by their consumer. */
export interface ResolvedOptions {
  readonly connectString: string;
  readonly namespace: string;
  readonly client: ZooKeeperOptions;
  readonly engine: Omit<EngineOptions, 'clients'>;
}

/** Longest delay of Node's timers. */
const MAX_MS = 2 ** 31 - 1;

const milliseconds = z.int().check(z.minimum(1), z.maximum(MAX_MS));
const pauseMs = z.int().check(z.minimum(0), z.maximum(MAX_MS));
// zod's numbers refuse infinity, which means "no bound" here.
const bound = z.union([z.number().check(z.minimum(0)), z.literal(Number.POSITIVE_INFINITY)]);

const aFunction = z.custom((value) => typeof value === 'function', 'a function');

const retrySchema = z.strictObject({
  retries: z.union([z.int().check(z.minimum(0)), z.literal(Number.POSITIVE_INFINITY)]),
  baseDelayMs: z.number().check(z.minimum(0)),
  maxDelayMs: bound,
  factor: z.number().check(z.minimum(1)),
  jitter: z.boolean(),
  maxElapsedMs: bound,
});

// Options of a future SASL layer belong here. Until then `sasl` is rejected like any other unknown option.
const schema = z.strictObject({
  connectString: z.string().check(z.minLength(1)),
  createChroot: z.optional(z.boolean()),
  connectDeadlineMs: z.optional(z.union([milliseconds, z.literal(Number.POSITIVE_INFINITY)])),
  onAttemptFailed: z.optional(aFunction),
  namespace: z.optional(z.string()),
  sessionTimeoutMs: z.optional(milliseconds),
  connectTimeoutMs: z.optional(milliseconds),
  requestTimeoutMs: z.optional(milliseconds),
  operationTimeoutMs: z.optional(z.union([milliseconds, z.literal(Number.POSITIVE_INFINITY)])),
  maxFrameBytes: z.optional(z.int().check(z.minimum(1024), z.maximum(MAX_MS))),
  maxInFlight: z.optional(z.int().check(z.minimum(1), z.maximum(MAX_MS))),
  retry: z.optional(retrySchema),
  acl: z.optional(aFunction),
  auth: z.optional(
    z.array(
      z.strictObject({
        scheme: z.string().check(z.minLength(1)),
        auth: z.union([z.string(), z.instanceof(Uint8Array)]),
      }),
    ),
  ),
  canBeReadOnly: z.optional(z.boolean()),
  lookup: z.optional(aFunction),
  // Node checks the contents at each connection.
  tls: z.optional(z.union([z.literal(true), aFunction, z.looseObject({})])),
  defaultData: z.optional(z.union([z.string(), z.instanceof(Uint8Array)])),
  useContainerParents: z.optional(z.boolean()),
  reconnect: z.optional(z.strictObject({ minDelayMs: z.optional(pauseMs), maxDelayMs: z.optional(pauseMs) })),
  signal: z.optional(z.instanceof(AbortSignal)),
});

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {TypeError} when an option does not exist or has the wrong type; the message names the option
 * @throws {RangeError} when an option is out of range; the message names the option
 */
export function resolveOptions(options: KeeperOptions): ResolvedOptions {
  checkOptions('Keeper.connect', schema, options);
  const { sessionTimeoutMs = 15_000, connectTimeoutMs, requestTimeoutMs, maxFrameBytes, maxInFlight } = options;
  const { canBeReadOnly, lookup, tls, auth, reconnect, createChroot, onAttemptFailed } = options;
  return {
    connectString: options.connectString,
    namespace: checkNamespace(options.namespace ?? ''),
    client: {
      sessionTimeoutMs,
      connectTimeoutMs,
      requestTimeoutMs,
      maxFrameBytes,
      maxInFlight,
      canBeReadOnly,
      lookup,
      tls,
      auth,
      reconnect,
      createChroot,
      onAttemptFailed,
    },
    engine: {
      waitMs: requestTimeoutMs,
      operationTimeoutMs: options.operationTimeoutMs ?? 30_000,
      retry: options.retry ?? exponentialBackoff({ baseDelayMs: 50, maxDelayMs: 2_000, maxRetries: 8 }),
      aclFor: options.acl ?? (() => undefined),
      defaultData: Buffer.from(options.defaultData ?? localAddress()),
      useContainerParents: options.useContainerParents ?? true,
    },
  };
}

/** Returns the first IPv4 address by which other machines may reach this one; the loopback address if there is none. */
function localAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}
