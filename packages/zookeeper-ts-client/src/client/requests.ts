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

/** Data of a znode and what the server knows about it. */
export interface DataAndStat {
  data: Buffer | null;
  stat: Stat;
}

interface WithPath {
  readonly path: string;
}

interface WithWatch {
  /** Called once, when what was read has changed. */
  readonly watch?: Watcher | undefined;
}

/** A request as plain data: what a client is asked to do, in its own paths. The methods of `ZooKeeper` make them. */
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

/** What each request resolves with. */
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

/** What a request resolves with. */
export type ResponseOf<R extends Request> = Responses[R['op']];

type Op = Request['op'];
type RequestOf<O extends Op> = Extract<Request, { readonly op: O }>;

/** A request as it goes over the wire. */
interface WireRequest<Wire, Reply> {
  readonly operation: Operation<Wire, Reply>;
  readonly request: Wire;
}

/** How the requests of one kind are sent, and what is made of their replies. */
interface RequestKind<O extends Op, Wire, Reply> {
  /** What the options of the method of this name must be. */
  readonly options: OptionChecks;
  /** Throws a `TypeError` or `RangeError` for wrong arguments. */
  encode(request: RequestOf<O>, chroot: Chroot): WireRequest<Wire, Reply>;
  /** Runs while the frame of the reply is handled, before the next frame is looked at. */
  decode(reply: Reply, request: RequestOf<O>, chroot: Chroot): Responses[O];
  /** Which one-shot watch it can set. */
  readonly watch?: 'data' | 'child' | 'exists';
  /** An error code that is an answer too, and what it means. */
  readonly answer?: { readonly errorCode: number; readonly result: Responses[O] };
}

type AnyKind<O extends Op> = RequestKind<O, unknown, unknown>;

/** All kinds of requests: what each takes, how it is written, and what it gives. */
const kinds: { readonly [O in Op]: AnyKind<O> } = {
  create: kind('create', {
    options: createCallChecks,
    encode: ({ path, data = null, ...options }, chroot) => createRequest(path, data, options, chroot),
    decode: ({ path, stat }, _, chroot) => ({ path: chroot.toClient(path), stat }),
  }),
  delete: kind('delete', {
    options: versionCallChecks,
    encode({ path, version = -1 }, chroot) {
      // The root of a client is not to be deleted, also where it is the chroot: the server refuses its own.
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
      // As the server has it, an empty prefix is that of all.
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
    // The configuration stands at an absolute path, also for a client with a chroot.
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

/** What a request needs of its client. */
export interface RequestContext {
  readonly chroot: Chroot;
  readonly watchers: WatcherSet;
  readonly signal: RequestSignal | undefined;
}

/** Arguments of the methods, which are parts of a request and no options. */
const argumentChecks: OptionChecks = { op: anything, path: anything, data: anything, acl: anything, ops: anything };

/** Checks what a user has made. @throws TypeError for an unknown `op` or part; TypeError or RangeError for a wrong part */
export function checkRequest(request: Request): void {
  if (!Object.hasOwn(kinds, request?.op)) {
    throw new TypeError(`Expected \`op\` to be one of ${Object.keys(kinds).join(', ')}, got ${received(request?.op)}`);
  }
  const { signal: _, ...parts } = kinds[request.op].options;
  checkOptions(request.op, { ...parts, ...argumentChecks }, request);
}

/** Checks the options of the method that is called as the request's `op`. @throws TypeError or RangeError */
export function checkMethodOptions(op: Request['op'], options: object): void {
  checkOptions(op, kinds[op].options, options);
}

/** What the session is to send for a request, and to make of the reply. @throws TypeError or RangeError for wrong arguments */
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

/** The path of a request as the caller gave it, for errors. */
function pathOf(request: Request): string | null {
  if (request.op === 'getConfig') return CONFIG_NODE;
  return 'path' in request ? request.path : null;
}

/** Says of which kind a table entry is, so that its types are known. */
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
