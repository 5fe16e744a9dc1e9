import type { LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import * as z from 'zod/mini';
import type { Acl, AttemptFailure, Auth, Tls, ZooKeeperOptions } from 'zookeeper-ts-client';
import { checkOptions } from './check-options.js';
import type { EngineOptions } from './execution/engine.js';
import { checkNamespace } from './execution/namespace.js';
import { exponentialBackoff, type RetryPolicy } from './execution/retry-policy.js';

/** How a `Keeper` is connected. Durations are milliseconds. */
export interface KeeperOptions {
  /** `host:port,host:port/chroot`; the port defaults to 2181. */
  readonly connectString: string;
  /** Creates the chroot of the connect string, with its parents, if it does not exist. Default false. */
  readonly createChroot?: boolean | undefined;
  /** How long `connect` tries to get the first session, over all servers. Default 30,000; from 1, `Infinity` for no limit. */
  readonly connectDeadlineMs?: number | undefined;
  /** Told of each attempt at a server that gave no session, now and at every reconnect. What it throws is a `backgroundError`. */
  readonly onAttemptFailed?: ((failure: AttemptFailure) => void) | undefined;
  /** Below which all paths are, without a leading `/`; it is made as containers when it is first needed. Default: none. */
  readonly namespace?: string | undefined;
  /** Asked for; the server negotiates it into its own range. Default 15,000; from 1 to 2^31-1. */
  readonly sessionTimeoutMs?: number | undefined;
  /** For one attempt at one address of a server. Default: the session timeout divided by the number of addresses. */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * How long a request may wait for a connection, or for a new session: default the session timeout. And, only where given, how long
   * it may take: a connection on which a reply is overdue is given up.
   */
  readonly requestTimeoutMs?: number | undefined;
  /**
   * The most that one operation of the fluent API (each `forPath` and `commit`) takes: all of its attempts, the pauses between them, and
   * the waiting for a connection or a new session. The operation then rejects with a `ConnectionLossError`, unless the `retry` policy
   * has ended it before; so `retryForever` repeats without end only beside `operationTimeoutMs: Infinity`. Recipes that wait for other
   * processes (`acquire`, `take`, `enter`, …) wait longer: as long as their `signal` lets them. Default 30,000; from 1 to 2^31-1, or
   * `Infinity`.
   */
  readonly operationTimeoutMs?: number | undefined;
  /** Largest frame sent or accepted, in bytes; should equal `jute.maxbuffer` of the servers. Default 1,048,575. */
  readonly maxFrameBytes?: number | undefined;
  /** Requests sent and not answered beyond which others wait. Default 1,000. */
  readonly maxInFlight?: number | undefined;
  /**
   * How operations that are safe to repeat are repeated, within `operationTimeoutMs`. Default
   * `exponentialBackoff({ baseDelayMs: 50, maxDelayMs: 2_000, maxRetries: 8 })`.
   */
  readonly retry?: RetryPolicy | undefined;
  /** Access control list of a new znode, parents included, by its real path (namespace included). Default: everybody may do everything. */
  readonly acl?: ((realPath: string) => readonly Acl[]) | undefined;
  /**
   * Connects over TLS: `true` for the defaults, or what `tls.connect` of Node takes. The certificate of the server is verified, and its name, which
   * is that of the connect string. A function is asked at each connection, so that certificates can be renewed. Default: no TLS.
   */
  readonly tls?: Tls | undefined;
  /** Credentials, sent on every connection before anything else. Default: none. */
  readonly auth?: readonly Auth[] | undefined;
  /**
   * Whether a server in read-only mode will do until another is found. Default false. Without a quorum servers
   * take no sessions but local ones (their `localSessionsEnabled`), and none that a quorum has made.
   */
  readonly canBeReadOnly?: boolean | undefined;
  /**
   * Resolves the names of servers, as the option of `net.connect`; asked for all addresses of all names before each round of
   * attempts. An answer may take 10 s; the last good one stays in use meanwhile. Default `dns.lookup`.
   */
  readonly lookup?: LookupFunction | undefined;
  /** What a znode holds that is created without data; a string becomes UTF-8. Default: this machine's IP address as text, as in Curator. */
  readonly defaultData?: Uint8Array | string | undefined;
  /** Whether missing parents are made as containers, where the server knows them. Default true. */
  readonly useContainerParents?: boolean | undefined;
  /** Pauses between attempts to connect, once every server has been tried. Default 100 and 1,000. */
  readonly reconnect?:
    | { readonly minDelayMs?: number | undefined; readonly maxDelayMs?: number | undefined }
    | undefined;
  /** Gives up connecting. Has no effect once connected. */
  readonly signal?: AbortSignal | undefined;
}

/** Options with the defaults filled in, sorted by whom they are for. */
export interface ResolvedOptions {
  readonly connectString: string;
  readonly namespace: string;
  readonly client: ZooKeeperOptions;
  readonly engine: Omit<EngineOptions, 'clients'>;
}

/** The longest delay of Node's timers. */
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

// What a SASL layer will take belongs here; until then `sasl` is an unknown option like any other.
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
  // What is inside belongs to Node, which checks it at each connection.
  tls: z.optional(z.union([z.literal(true), aFunction, z.looseObject({})])),
  defaultData: z.optional(z.union([z.string(), z.instanceof(Uint8Array)])),
  useContainerParents: z.optional(z.boolean()),
  reconnect: z.optional(z.strictObject({ minDelayMs: z.optional(pauseMs), maxDelayMs: z.optional(pauseMs) })),
  signal: z.optional(z.instanceof(AbortSignal)),
});

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {TypeError} an option that does not exist or is of a wrong type; names it
 * @throws {RangeError} an option is out of its range; names it
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

/** The first address by which others may reach this machine; the loopback's where there is none. */
function localAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}
