import { asData } from '../checks/as-bytes.js';
import { anything, checkOptions, type OptionChecks } from '../checks/option-checks.js';
import { received } from '../checks/received.js';
import { ErrorCode } from '../errors/error-code.js';
import type { Acl } from '../protocol/acl.js';
import type { Operation } from '../protocol/operation.js';
import { getAcl, setAcl } from '../protocol/operations/acl.js';
import { type ClientInfo, whoAmI } from '../protocol/operations/auth.js';
import { getAllChildrenNumber, getChildren2, getEphemerals } from '../protocol/operations/children.js';
import { getData, setData } from '../protocol/operations/data.js';
import { deleteNode } from '../protocol/operations/delete.js';
import { exists, type ReadRequest } from '../protocol/operations/exists.js';
import { multi, multiRead } from '../protocol/operations/multi.js';
import { CONFIG_NODE, reconfig } from '../protocol/operations/reconfig.js';
import { sync } from '../protocol/operations/sync.js';
import type { Stat } from '../protocol/stat.js';
import { validatePath } from '../protocol/znode-path.js';
import type { ExchangeOptions } from '../session/exchange.js';
import type { RequestSignal } from '../session/request-signal.js';
import type { Watcher } from '../watches/watched-event.js';
import type { WatcherSet } from '../watches/watcher-set.js';
import type { Chroot } from './chroot.js';
import {
  type MultiOp,
  type MultiReadResult,
  type MultiResult,
  multiReadRequest,
  multiReadResults,
  multiRequest,
  multiResults,
  type ReadOp,
} from './op.js';
import { checkedAcl, checkedVersion, createRequest, type ZnodeData } from './request-arguments.js';
import {
  type CreateOptions,
  createCallChecks,
  type ReconfigChange,
  readChecks,
  reconfigChecks,
  requestChecks,
  type VersionOptions,
  versionCallChecks,
} from './request-options.js';

/** Data and `Stat` of a znode. */
export interface DataAndStat {
  data: Buffer | null;
  stat: Stat;
}

interface WithPath {
  readonly path: string;
}

interface WithWatch {
  /** Watcher that is called once, when the result of the read has changed. */
  readonly watch?: Watcher | undefined;
}

/** Request to a client as plain data; paths are relative to the client's chroot. The methods of `ZooKeeper` build such requests. */
export type Request =
  | ({ readonly op: 'create'; readonly data?: ZnodeData | undefined } & WithPath & CreateOptions)
  | ({ readonly op: 'delete' } & WithPath & VersionOptions)
  | ({ readonly op: 'exists' } & WithPath & WithWatch)
  | ({ readonly op: 'getData' } & WithPath & WithWatch)
  | ({ readonly op: 'setData'; readonly data: ZnodeData } & WithPath & VersionOptions)
  | ({ readonly op: 'getChildren' } & WithPath & WithWatch)
  | ({ readonly op: 'getAcl' } & WithPath)
  | ({ readonly op: 'setAcl'; readonly acl: readonly Acl[] } & WithPath & VersionOptions)
  | ({ readonly op: 'sync' } & WithPath)
  | ({ readonly op: 'getAllChildrenNumber' } & WithPath)
  | ({ readonly op: 'getEphemerals' } & WithPath)
  | { readonly op: 'multi'; readonly ops: readonly MultiOp[] }
  | { readonly op: 'multiRead'; readonly ops: readonly ReadOp[] }
  | { readonly op: 'whoAmI' }
  | ({ readonly op: 'getConfig' } & WithWatch)
  | ({ readonly op: 'reconfig' } & ReconfigChange);

/** Result types of all requests, by operation. */
export interface Responses {
  create: { path: string; stat: Stat };
  delete: undefined;
  exists: Stat | null;
  getData: DataAndStat;
  setData: Stat;
  getChildren: { children: string[]; stat: Stat };
  getAcl: { acl: Acl[]; stat: Stat };
  setAcl: Stat;
  sync: undefined;
  getAllChildrenNumber: number;
  getEphemerals: string[];
  multi: MultiResult[];
  multiRead: MultiReadResult[];
  whoAmI: ClientInfo[];
  getConfig: DataAndStat;
  reconfig: DataAndStat;
}

/** Result type of a request. */
export type ResponseOf<R extends Request> = Responses[R['op']];

type Op = Request['op'];
type RequestOf<O extends Op> = Extract<Request, { readonly op: O }>;

/** Operation and record that the session sends for a request. */
interface WireRequest<Wire, Reply> {
  readonly operation: Operation<Wire, Reply>;
  readonly request: Wire;
}

/** Definition of one kind of request: its options, its encoding, and the decoding of its reply. */
interface RequestKind<O extends Op, Wire, Reply> {
  /** Checks for the options of the method of the same name. */
  readonly options: OptionChecks;
  /**
   * Converts the request to its wire form.
   *
   * @throws {TypeError | RangeError} when an argument is wrong
   */
  encode(request: RequestOf<O>, chroot: Chroot): WireRequest<Wire, Reply>;
  /** Converts the reply to the result. Runs while the session handles the reply's frame, before it handles the next frame. */
  decode(reply: Reply, request: RequestOf<O>, chroot: Chroot): Responses[O];
  /** Kind of one-shot watch that the request can set. */
  readonly watch?: 'data' | 'child' | 'exists';
  /** Error code that counts as a result, and that result. */
  readonly answer?: { readonly errorCode: number; readonly result: Responses[O] };
}

type AnyKind<O extends Op> = RequestKind<O, unknown, unknown>;

/** Definitions of all kinds of requests. */
const kinds: { readonly [O in Op]: AnyKind<O> } = {
  create: kind('create', {
    options: createCallChecks,
    encode: ({ path, data = null, ...options }, chroot) => createRequest(path, data, options, chroot),
    decode: ({ path, stat }, _, chroot) => ({ path: chroot.toClient(path), stat }),
  }),
  delete: kind('delete', {
    options: versionCallChecks,
    encode({ path, version = -1 }, chroot) {
      // The client's root must not be deleted, even when it is the chroot: `/` is sent unchanged, and the server refuses it.
      const serverPath = path === '/' ? path : chroot.serverPath(path);
      return { operation: deleteNode, request: { path: serverPath, version: checkedVersion(version) } };
    },
    decode: nothing,
  }),
  exists: kind('exists', {
    options: readChecks,
    encode: (request, chroot) => ({ operation: exists, request: read(request, chroot) }),
    decode: (stat) => stat,
    watch: 'exists',
    answer: { errorCode: ErrorCode.NONODE, result: null },
  }),
  getData: kind('getData', {
    options: readChecks,
    encode: (request, chroot) => ({ operation: getData, request: read(request, chroot) }),
    decode: same,
    watch: 'data',
  }),
  setData: kind('setData', {
    options: versionCallChecks,
    encode({ path, data, version = -1 }, chroot) {
      const serverPath = chroot.serverPath(path);
      const request = { path: serverPath, data: asData(data, '`data`'), version: checkedVersion(version) };
      return { operation: setData, request };
    },
    decode: same,
  }),
  getChildren: kind('getChildren', {
    options: readChecks,
    encode: (request, chroot) => ({ operation: getChildren2, request: read(request, chroot) }),
    decode: ({ children, stat }) => ({ children: children as string[], stat }),
    watch: 'child',
  }),
  getAcl: kind('getAcl', {
    options: requestChecks,
    encode: ({ path }, chroot) => ({ operation: getAcl, request: { path: chroot.serverPath(path) } }),
    decode: ({ acl, stat }) => ({ acl: acl as Acl[], stat }),
  }),
  setAcl: kind('setAcl', {
    options: versionCallChecks,
    encode({ path, acl, version = -1 }, chroot) {
      const serverPath = chroot.serverPath(path);
      return {
        operation: setAcl,
        request: { path: serverPath, acl: checkedAcl(acl), version: checkedVersion(version) },
      };
    },
    decode: same,
  }),
  sync: kind('sync', {
    options: requestChecks,
    encode: ({ path }, chroot) => ({ operation: sync, request: { path: chroot.serverPath(path) } }),
    decode: nothing,
  }),
  getAllChildrenNumber: kind('getAllChildrenNumber', {
    options: requestChecks,
    encode: ({ path }, chroot) => ({
      operation: getAllChildrenNumber,
      request: { path: chroot.serverPath(path) },
    }),
    decode: ({ totalNumber }) => totalNumber,
  }),
  getEphemerals: kind('getEphemerals', {
    options: requestChecks,
    encode({ path }, chroot) {
      // As on the server, an empty prefix selects all ephemerals.
      const prefix = path === '' ? '/' : path;
      validatePath(prefix, '`prefix`', true);
      return { operation: getEphemerals, request: { prefixPath: chroot.root + prefix } };
    },
    decode: ({ ephemerals }, _, chroot) => ephemerals.map((path) => chroot.toClient(path)),
  }),
  multi: kind('multi', {
    options: requestChecks,
    encode: ({ ops }, chroot) => ({ operation: multi, request: multiRequest(ops, chroot) }),
    decode: (results, { ops }, chroot) => multiResults(results, ops, chroot),
  }),
  multiRead: kind('multiRead', {
    options: requestChecks,
    encode: ({ ops }, chroot) => ({ operation: multiRead, request: multiReadRequest(ops, chroot) }),
    decode: (results, { ops }) => multiReadResults(results, ops),
  }),
  whoAmI: kind('whoAmI', {
    options: requestChecks,
    encode: () => ({ operation: whoAmI, request: undefined }),
    decode: ({ clientInfo }) => [...clientInfo],
  }),
  getConfig: kind('getConfig', {
    options: readChecks,
    // The configuration has an absolute path, which the chroot does not change.
    encode: () => ({ operation: getData, request: { path: CONFIG_NODE, watch: false } }),
    decode: same,
    watch: 'data',
  }),
  reconfig: kind('reconfig', {
    options: reconfigChecks,
    encode({ joining = null, leaving = null, newMembers = null, fromConfig = -1n }) {
      const request = { joiningServers: joining, leavingServers: leaving, newMembers, curConfigId: fromConfig };
      return { operation: reconfig, request };
    },
    decode: same,
  }),
};

/** Parts of the client that a request needs. */
export interface RequestContext {
  readonly chroot: Chroot;
  readonly watchers: WatcherSet;
  readonly signal: RequestSignal | undefined;
}

/** Names of method arguments; they are parts of a request but not options. */
const argumentChecks: OptionChecks = { op: anything, path: anything, data: anything, acl: anything, ops: anything };

/**
 * Checks a request that the caller has built.
 *
 * @throws {TypeError} when `op` or another part is unknown
 * @throws {TypeError | RangeError} when a part has a wrong value
 */
export function checkRequest(request: Request): void {
  if (!Object.hasOwn(kinds, request?.op)) {
    throw new TypeError(`Expected \`op\` to be one of ${Object.keys(kinds).join(', ')}, got ${received(request?.op)}`);
  }
  const { signal: _, ...parts } = kinds[request.op].options;
  checkOptions(request.op, { ...parts, ...argumentChecks }, request);
}

/**
 * Checks the options of the method `op`.
 *
 * @throws {TypeError | RangeError} when an option is wrong
 */
export function checkMethodOptions(op: Request['op'], options: object): void {
  checkOptions(op, kinds[op].options, options);
}

/**
 * Builds what the session needs to send a request and to handle its reply.
 *
 * @throws {TypeError | RangeError} when an argument is wrong
 */
export function exchangeFor<R extends Request>(
  request: R,
  { chroot, watchers, signal }: RequestContext,
): ExchangeOptions<unknown, unknown, ResponseOf<R>> {
  const { encode, decode, watch, answer } = kinds[request.op] as unknown as AnyKind<R['op']>;
  const described = request as unknown as RequestOf<R['op']>;
  const { operation, request: wire } = encode(described, chroot);
  const exchange = {
    operation,
    request: wire,
    path: pathOf(request),
    ...('ops' in request && { paths: () => request.ops.map(({ path }) => path) }),
    signal,
    result: (reply: unknown) => decode(reply, described, chroot),
    answer,
  };
  if (watch === undefined || !('watch' in request) || request.watch === undefined) return exchange;
  return { ...exchange, ...watchers.read(watch, (wire as ReadRequest).path, request.watch, signal) };
}

/** Returns the path of a request as the caller gave it, for errors; `null` when the request has no path. */
function pathOf(request: Request): string | null {
  if (request.op === 'getConfig') return CONFIG_NODE;
  return 'path' in request ? request.path : null;
}

/** Gives a definition the types of its operation. */
function kind<O extends Op, Wire, Reply>(_: O, of: RequestKind<O, Wire, Reply>): AnyKind<O> {
  return of as unknown as AnyKind<O>;
}

function read({ path }: WithPath, chroot: Chroot): ReadRequest {
  return { path: chroot.serverPath(path), watch: false };
}

function same<T>(reply: T): T {
  return reply;
}

function nothing(): undefined {
  return undefined;
}
