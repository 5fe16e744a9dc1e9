import type { Acl } from '../protocol/acl.js';
import { ErrorCode } from '../protocol/error-code.js';
import { type GetAclResponse, getAcl, type SetAclRequest, setAcl } from '../protocol/operations/acl.js';
import { type ClientInfo, type WhoAmIResponse, whoAmI } from '../protocol/operations/auth.js';
import {
  type GetAllChildrenNumberResponse,
  type GetChildren2Response,
  type GetEphemeralsRequest,
  type GetEphemeralsResponse,
  getAllChildrenNumber,
  getChildren2,
  getEphemerals,
  type PathRequest,
} from '../protocol/operations/children.js';
import type { Create2Response, CreateTtlRequest } from '../protocol/operations/create.js';
import { type GetDataResponse, getData, type SetDataRequest, setData } from '../protocol/operations/data.js';
import { type DeleteRequest, deleteNode } from '../protocol/operations/delete.js';
import { exists, type ReadRequest } from '../protocol/operations/exists.js';
import { type MultiRequestItem, type MultiResponseItem, multi, multiRead } from '../protocol/operations/multi.js';
import { CONFIG_NODE, type ReconfigRequest, reconfig } from '../protocol/operations/reconfig.js';
import { sync } from '../protocol/operations/sync.js';
import type { Stat } from '../protocol/stat.js';
import { validatePath } from '../protocol/znode-path.js';
import type { ExchangeOptions } from '../session/exchange.js';
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
import { checkedAcl, checkedVersion, createRequest, dataBytes, type ZnodeData } from './request-arguments.js';
import type { CreateOptions, ReadOptions, ReconfigOptions, RequestOptions, VersionOptions } from './request-options.js';
import type { WatcherSet } from './watcher-set.js';

/** Data of a znode and what the server knows about it. */
export interface DataAndStat {
  data: Buffer | null;
  stat: Stat;
}

type Call<Request, Response, Result> = ExchangeOptions<Request, Response, Result>;

/** What each method of the client sends and what it makes of the answer, as plain data. Throws for wrong arguments. */
export class Calls {
  readonly #chroot: Chroot;
  readonly #watchers: WatcherSet;

  constructor(chroot: Chroot, watchers: WatcherSet) {
    this.#chroot = chroot;
    this.#watchers = watchers;
  }

  create(
    path: string,
    data: ZnodeData,
    options: CreateOptions & RequestOptions,
  ): Call<CreateTtlRequest, Create2Response, { path: string; stat: Stat }> {
    const { operation, request } = createRequest(path, data, options, this.#chroot);
    return {
      operation,
      request,
      path,
      signal: options.signal,
      result: (created) => ({ path: this.#chroot.toClient(created.path), stat: created.stat }),
    };
  }

  delete(path: string, { version = -1, signal }: VersionOptions & RequestOptions): Call<DeleteRequest, void, void> {
    // The root of a client is not to be deleted, also where it is the chroot: the server refuses its own.
    const serverPath = path === '/' ? path : this.serverPath(path);
    return {
      operation: deleteNode,
      request: { path: serverPath, version: checkedVersion(version) },
      path,
      signal,
      result: nothing,
    };
  }

  exists(path: string, { signal, watch }: ReadOptions): Call<ReadRequest, Stat, Stat | null> {
    const serverPath = this.serverPath(path);
    return {
      operation: exists,
      path,
      signal,
      answer: missing,
      result: (stat) => stat,
      ...this.#watchers.read('exists', serverPath, watch, signal),
    };
  }

  getData(path: string, options: ReadOptions): Call<ReadRequest, GetDataResponse, DataAndStat> {
    return this.#dataRead(path, this.serverPath(path), options);
  }

  /** The configuration stands at an absolute path, also for a client with a chroot. */
  getConfig(options: ReadOptions): Call<ReadRequest, GetDataResponse, DataAndStat> {
    return this.#dataRead(CONFIG_NODE, CONFIG_NODE, options);
  }

  setData(
    path: string,
    data: ZnodeData,
    { version = -1, signal }: VersionOptions & RequestOptions,
  ): Call<SetDataRequest, Stat, Stat> {
    const request = { path: this.serverPath(path), data: dataBytes(data), version: checkedVersion(version) };
    return { operation: setData, request, path, signal, result: same };
  }

  getChildren(
    path: string,
    { signal, watch }: ReadOptions,
  ): Call<ReadRequest, GetChildren2Response, { children: string[]; stat: Stat }> {
    const serverPath = this.serverPath(path);
    return {
      operation: getChildren2,
      path,
      signal,
      result: ({ children, stat }) => ({ children: children as string[], stat }),
      ...this.#watchers.read('child', serverPath, watch, signal),
    };
  }

  getAcl(path: string, { signal }: RequestOptions): Call<PathRequest, GetAclResponse, { acl: Acl[]; stat: Stat }> {
    const result = ({ acl, stat }: GetAclResponse): { acl: Acl[]; stat: Stat } => ({ acl: acl as Acl[], stat });
    return { operation: getAcl, request: { path: this.serverPath(path) }, path, signal, result };
  }

  setAcl(
    path: string,
    acl: readonly Acl[],
    { version = -1, signal }: VersionOptions & RequestOptions,
  ): Call<SetAclRequest, Stat, Stat> {
    const request = { path: this.serverPath(path), acl: checkedAcl(acl), version: checkedVersion(version) };
    return { operation: setAcl, request, path, signal, result: same };
  }

  sync(path: string, { signal }: RequestOptions): Call<PathRequest, PathRequest, void> {
    return { operation: sync, request: { path: this.serverPath(path) }, path, signal, result: nothing };
  }

  multi(
    ops: readonly MultiOp[],
    { signal }: RequestOptions,
  ): Call<readonly MultiRequestItem[], readonly MultiResponseItem[], MultiResult[]> {
    const request = multiRequest(ops, this.#chroot);
    return {
      operation: multi,
      request,
      path: null,
      paths: () => ops.map((one) => one.path),
      signal,
      result: (results) => multiResults(results, ops, this.#chroot),
    };
  }

  multiRead(
    ops: readonly ReadOp[],
    { signal }: RequestOptions,
  ): Call<readonly MultiRequestItem[], readonly MultiResponseItem[], MultiReadResult[]> {
    const request = multiReadRequest(ops, this.#chroot);
    const paths = (): string[] => ops.map((one) => one.path);
    const result = (results: readonly MultiResponseItem[]): MultiReadResult[] => multiReadResults(results, ops);
    return { operation: multiRead, request, path: null, paths, signal, result };
  }

  getEphemerals(
    prefix: string,
    { signal }: RequestOptions,
  ): Call<GetEphemeralsRequest, GetEphemeralsResponse, string[]> {
    validatePath(prefix, '`prefix`', true);
    const request = { prefixPath: this.#chroot.root + prefix };
    const result = ({ ephemerals }: GetEphemeralsResponse): string[] =>
      ephemerals.map((path) => this.#chroot.toClient(path));
    return { operation: getEphemerals, request, path: prefix, signal, result };
  }

  getAllChildrenNumber(
    path: string,
    { signal }: RequestOptions,
  ): Call<PathRequest, GetAllChildrenNumberResponse, number> {
    const request = { path: this.serverPath(path) };
    return { operation: getAllChildrenNumber, request, path, signal, result: ({ totalNumber }) => totalNumber };
  }

  whoAmI({ signal }: RequestOptions): Call<void, WhoAmIResponse, ClientInfo[]> {
    return { operation: whoAmI, request: undefined, path: null, signal, result: ({ clientInfo }) => [...clientInfo] };
  }

  reconfig(options: ReconfigOptions): Call<ReconfigRequest, GetDataResponse, DataAndStat> {
    const { joining = null, leaving = null, newMembers = null, fromConfig = -1n, signal } = options;
    const request = { joiningServers: joining, leavingServers: leaving, newMembers, curConfigId: fromConfig };
    return { operation: reconfig, request, path: null, signal, result: same };
  }

  serverPath(path: string): string {
    validatePath(path);
    return this.#chroot.toServer(path);
  }

  #dataRead(
    path: string,
    serverPath: string,
    { signal, watch }: ReadOptions,
  ): Call<ReadRequest, GetDataResponse, DataAndStat> {
    return {
      operation: getData,
      path,
      signal,
      result: same,
      ...this.#watchers.read('data', serverPath, watch, signal),
    };
  }
}

/** What `exists` makes of a znode that is not there. */
const missing = { errorCode: ErrorCode.NONODE, result: null };

function same<T>(response: T): T {
  return response;
}

function nothing(): void {}
