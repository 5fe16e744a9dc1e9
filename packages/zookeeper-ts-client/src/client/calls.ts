import { asData } from '../checks/as-bytes.js';
import { checkOptions } from '../checks/option-checks.js';
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
import { checkedAcl, checkedVersion, createRequest, type ZnodeData } from './request-arguments.js';
import {
  type CreateOptions,
  createCallChecks,
  type ReadOptions,
  type ReconfigOptions,
  type RequestOptions,
  readChecks,
  reconfigChecks,
  requestChecks,
  type VersionOptions,
  versionCallChecks,
} from './request-options.js';
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
    checkOptions('create', createCallChecks, options);
    const { operation, request } = createRequest(path, data, options, this.#chroot);
    return {
      operation,
      request,
      path,
      signal: options.signal,
      result: (created) => ({ path: this.#chroot.toClient(created.path), stat: created.stat }),
    };
  }

  delete(path: string, options: VersionOptions & RequestOptions): Call<DeleteRequest, void, void> {
    checkOptions('delete', versionCallChecks, options);
    const { version = -1, signal } = options;
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

  exists(path: string, options: ReadOptions): Call<ReadRequest, Stat, Stat | null> {
    checkOptions('exists', readChecks, options);
    const { signal, watch } = options;
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
    return this.#dataRead('getData', path, this.serverPath(path), options);
  }

  /** The configuration stands at an absolute path, also for a client with a chroot. */
  getConfig(options: ReadOptions): Call<ReadRequest, GetDataResponse, DataAndStat> {
    return this.#dataRead('getConfig', CONFIG_NODE, CONFIG_NODE, options);
  }

  setData(path: string, data: ZnodeData, options: VersionOptions & RequestOptions): Call<SetDataRequest, Stat, Stat> {
    checkOptions('setData', versionCallChecks, options);
    const { version = -1, signal } = options;
    const request = { path: this.serverPath(path), data: asData(data, '`data`'), version: checkedVersion(version) };
    return { operation: setData, request, path, signal, result: same };
  }

  getChildren(
    path: string,
    options: ReadOptions,
  ): Call<ReadRequest, GetChildren2Response, { children: string[]; stat: Stat }> {
    checkOptions('getChildren', readChecks, options);
    const { signal, watch } = options;
    const serverPath = this.serverPath(path);
    return {
      operation: getChildren2,
      path,
      signal,
      result: ({ children, stat }) => ({ children: children as string[], stat }),
      ...this.#watchers.read('child', serverPath, watch, signal),
    };
  }

  getAcl(path: string, options: RequestOptions): Call<PathRequest, GetAclResponse, { acl: Acl[]; stat: Stat }> {
    checkOptions('getAcl', requestChecks, options);
    const { signal } = options;
    const result = ({ acl, stat }: GetAclResponse): { acl: Acl[]; stat: Stat } => ({ acl: acl as Acl[], stat });
    return { operation: getAcl, request: { path: this.serverPath(path) }, path, signal, result };
  }

  setAcl(path: string, acl: readonly Acl[], options: VersionOptions & RequestOptions): Call<SetAclRequest, Stat, Stat> {
    checkOptions('setAcl', versionCallChecks, options);
    const { version = -1, signal } = options;
    const request = { path: this.serverPath(path), acl: checkedAcl(acl), version: checkedVersion(version) };
    return { operation: setAcl, request, path, signal, result: same };
  }

  sync(path: string, options: RequestOptions): Call<PathRequest, PathRequest, void> {
    checkOptions('sync', requestChecks, options);
    const { signal } = options;
    return { operation: sync, request: { path: this.serverPath(path) }, path, signal, result: nothing };
  }

  multi(
    ops: readonly MultiOp[],
    options: RequestOptions,
  ): Call<readonly MultiRequestItem[], readonly MultiResponseItem[], MultiResult[]> {
    checkOptions('multi', requestChecks, options);
    const { signal } = options;
    const request = multiRequest(ops, this.#chroot);
    return {
      operation: multi,
      request,
      path: null,
      signal,
      result: (results) => multiResults(results, ops, this.#chroot),
    };
  }

  multiRead(
    ops: readonly ReadOp[],
    options: RequestOptions,
  ): Call<readonly MultiRequestItem[], readonly MultiResponseItem[], MultiReadResult[]> {
    checkOptions('multiRead', requestChecks, options);
    const { signal } = options;
    const request = multiReadRequest(ops, this.#chroot);
    return { operation: multiRead, request, path: null, signal, result: (results) => multiReadResults(results, ops) };
  }

  getEphemerals(prefix: string, options: RequestOptions): Call<GetEphemeralsRequest, GetEphemeralsResponse, string[]> {
    checkOptions('getEphemerals', requestChecks, options);
    const { signal } = options;
    // As the server has it, an empty prefix is that of all.
    const begin = prefix === '' ? '/' : prefix;
    validatePath(begin, '`prefix`', true);
    const request = { prefixPath: this.#chroot.root + begin };
    const result = ({ ephemerals }: GetEphemeralsResponse): string[] =>
      ephemerals.map((path) => this.#chroot.toClient(path));
    return { operation: getEphemerals, request, path: prefix, signal, result };
  }

  getAllChildrenNumber(path: string, options: RequestOptions): Call<PathRequest, GetAllChildrenNumberResponse, number> {
    checkOptions('getAllChildrenNumber', requestChecks, options);
    const { signal } = options;
    const request = { path: this.serverPath(path) };
    return { operation: getAllChildrenNumber, request, path, signal, result: ({ totalNumber }) => totalNumber };
  }

  whoAmI(options: RequestOptions): Call<void, WhoAmIResponse, ClientInfo[]> {
    checkOptions('whoAmI', requestChecks, options);
    const { signal } = options;
    return { operation: whoAmI, request: undefined, path: null, signal, result: ({ clientInfo }) => [...clientInfo] };
  }

  reconfig(options: ReconfigOptions): Call<ReconfigRequest, GetDataResponse, DataAndStat> {
    checkOptions('reconfig', reconfigChecks, options);
    const { joining = null, leaving = null, newMembers = null, fromConfig = -1n, signal } = options;
    const request = { joiningServers: joining, leavingServers: leaving, newMembers, curConfigId: fromConfig };
    return { operation: reconfig, request, path: null, signal, result: same };
  }

  serverPath(path: string): string {
    validatePath(path);
    return this.#chroot.toServer(path);
  }

  #dataRead(
    method: string,
    path: string,
    serverPath: string,
    options: ReadOptions,
  ): Call<ReadRequest, GetDataResponse, DataAndStat> {
    checkOptions(method, readChecks, options);
    const { signal, watch } = options;
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
