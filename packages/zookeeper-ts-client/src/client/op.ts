import { asData } from '../checks/as-bytes.js';
import { checkOptions } from '../checks/option-checks.js';
import { ErrorCode } from '../errors/error-code.js';
import {
  type KeeperError,
  keeperError,
  MarshallingError,
  MultiError,
  type MultiErrorResult,
} from '../errors/errors.js';
import { OpCode } from '../protocol/op-code.js';
import type { MultiRequestItem, MultiResponseItem } from '../protocol/operations/multi.js';
import type { Stat } from '../protocol/stat.js';
import { validatePath } from '../protocol/znode-path.js';
import { Failure } from '../session/exchange.js';
import type { Chroot } from './chroot.js';
import { checkedCreate, checkedVersion, createRequest, type ZnodeData } from './request-arguments.js';
import { type CreateOptions, createChecks, type VersionOptions, versionChecks } from './request-options.js';

/** Operation of a `multi` as plain data, created by `op`. */
export type MultiOp =
  | { readonly type: 'create'; readonly path: string; readonly data: ZnodeData; readonly options: CreateOptions }
  | { readonly type: 'delete'; readonly path: string; readonly version: number }
  | { readonly type: 'setData'; readonly path: string; readonly data: ZnodeData; readonly version: number }
  | { readonly type: 'check'; readonly path: string; readonly version: number };

/** Operation of a `multiRead` as plain data, created by `op`. */
export type ReadOp = { readonly type: 'getData' | 'getChildren'; readonly path: string };

/**
 * Functions that create the operations of `multi` and `multiRead`. They throw a `TypeError` for invalid data and for unknown options,
 * and a `RangeError` for a wrong version or TTL.
 */
export const op: {
  create(path: string, data?: ZnodeData, options?: CreateOptions): MultiOp;
  delete(path: string, options?: VersionOptions): MultiOp;
  setData(path: string, data: ZnodeData, options?: VersionOptions): MultiOp;
  check(path: string, options?: VersionOptions): MultiOp;
  getData(path: string): ReadOp;
  getChildren(path: string): ReadOp;
} = {
  create: (path, data = null, options = {}) => {
    checkOptions('op.create', createChecks, options);
    checkedCreate(options);
    asData(data, '`data` of op.create');
    return { type: 'create', path, data, options };
  },
  delete: (path, options = {}) => ({ type: 'delete', path, version: versionOf('op.delete', options) }),
  setData: (path, data, options = {}) => {
    asData(data, '`data` of op.setData');
    return { type: 'setData', path, data, version: versionOf('op.setData', options) };
  },
  check: (path, options = {}) => ({ type: 'check', path, version: versionOf('op.check', options) }),
  getData: (path) => ({ type: 'getData', path }),
  getChildren: (path) => ({ type: 'getChildren', path }),
};

function versionOf(where: string, options: VersionOptions): number {
  checkOptions(where, versionChecks, options);
  return checkedVersion(options.version ?? -1);
}

/**
 * Result of one operation of a `multi`. The `stat` of a create is `null` on servers before 3.7.2 and on 3.8.0 and 3.8.1, which do not
 * send it.
 */
export type MultiResult =
  | { readonly type: 'create'; readonly path: string; readonly stat: Stat | null }
  | { readonly type: 'delete' }
  | { readonly type: 'setData'; readonly stat: Stat }
  | { readonly type: 'check' };

/** Result of one operation of a `multiRead`: its value or its own error. */
export type MultiReadResult =
  | { readonly type: 'getData'; readonly data: Buffer | null; readonly stat: Stat }
  | { readonly type: 'getChildren'; readonly children: readonly string[] }
  | { readonly type: 'error'; readonly error: KeeperError };

/**
 * Converts operations to the wire form of a `multi`.
 *
 * @throws {TypeError | RangeError} when an operation was not created by `op`
 */
export function multiRequest(ops: readonly MultiOp[], chroot: Chroot): MultiRequestItem[] {
  return ops.map((item) => {
    switch (item.type) {
      case 'create': {
        const { operation, request } = createRequest(item.path, item.data, item.options, chroot);
        return { type: operation.opCode, request } as MultiRequestItem;
      }
      case 'setData': {
        const { path, data, version } = item;
        validatePath(path);
        const request = { path: chroot.toServer(path), data: asData(data, '`data`'), version: checkedVersion(version) };
        return { type: OpCode.setData, request };
      }
      case 'delete':
      case 'check':
        validatePath(item.path);
        return {
          type: OpCode[item.type],
          request: { path: chroot.toServer(item.path), version: checkedVersion(item.version) },
        };
      default:
        throw new TypeError(
          `Expected an operation of \`multi\` made by \`op\`, got type '${String((item as { type: unknown }).type)}'`,
        );
    }
  });
}

/**
 * Converts operations to the wire form of a `multiRead`.
 *
 * @throws {TypeError} when an operation was not created by `op`
 */
export function multiReadRequest(ops: readonly ReadOp[], chroot: Chroot): MultiRequestItem[] {
  return ops.map(({ type, path }) => {
    validatePath(path);
    if (type !== 'getData' && type !== 'getChildren') {
      throw new TypeError(`Expected an operation of \`multiRead\` made by \`op\`, got type '${String(type)}'`);
    }
    return { type: OpCode[type], request: { path: chroot.toServer(path), watch: false } };
  });
}

/**
 * Converts the reply to the results of a `multi`.
 *
 * @throws {Failure} of a `MultiError` when the server refused the transaction
 * @throws {MarshallingError} when the results do not match the operations
 */
export function multiResults(
  items: readonly MultiResponseItem[],
  ops: readonly MultiOp[],
  chroot: Chroot,
): MultiResult[] {
  checkResults(items, ops);
  const errors = items.map((item) => (item.type === 'error' ? item.errorCode : ErrorCode.OK));
  // The server also marks operations that it did not run because another operation failed. The first different error belongs to the
  // failed operation.
  const culprit = errors.findIndex((code) => code !== ErrorCode.OK && code !== ErrorCode.RUNTIMEINCONSISTENCY);
  const failedIndex = culprit >= 0 ? culprit : errors.findIndex((code) => code !== ErrorCode.OK);
  if (failedIndex >= 0) {
    throw new Failure(() => {
      const results = errors.map((code, index) => errorResult(code, ops[index]));
      return new MultiError(results, failedIndex);
    });
  }
  return items.map((item) =>
    item.type === 'create' ? { ...item, path: chroot.toClient(item.path) } : item,
  ) as MultiResult[];
}

/**
 * Converts the reply to the results of a `multiRead`, each a value or an error.
 *
 * @throws {MarshallingError} when the results do not match the operations
 */
export function multiReadResults(items: readonly MultiResponseItem[], ops: readonly ReadOp[]): MultiReadResult[] {
  checkResults(items, ops);
  return items.map((item, index) => {
    if (item.type !== 'error') return item as MultiReadResult;
    const asked = ops[index];
    return { type: 'error', error: keeperError(item.errorCode, asked?.type ?? 'multiRead', asked?.path ?? null) };
  });
}

function checkResults(items: readonly MultiResponseItem[], ops: readonly { readonly type: string }[]): void {
  const fits = items.length === ops.length && items.every(({ type }, i) => type === 'error' || type === ops[i]?.type);
  if (!fits) throw new MarshallingError('the results of a multi are not those of its operations');
}

function errorResult(code: number, asked: MultiOp | undefined): MultiErrorResult {
  return {
    type: 'error',
    error: code === ErrorCode.OK ? null : keeperError(code, asked?.type ?? 'multi', asked?.path ?? null),
  };
}
