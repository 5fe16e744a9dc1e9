import { MarshallingError } from '../../errors/errors.js';
import { boolean, type Codec, int, record, ustring, vector } from '../../jute/codec.js';
import { OpCode } from '../op-code.js';
import type { Operation } from '../operation.js';
import { Stat } from '../stat.js';
import { Create2Response, CreateRequest, CreateResponse, CreateTtlRequest } from './create.js';
import { GetDataResponse, type SetDataRequest, SetDataRequest as SetDataRequestCodec } from './data.js';
import { type CheckVersionRequest, CheckVersionRequest as CheckVersionRequestCodec, DeleteRequest } from './delete.js';
import { ReadRequest } from './exists.js';

/** `MultiHeader` of zookeeper.jute: precedes each operation and each result, and marks the end. */
export interface MultiHeader {
  readonly type: number;
  readonly done: boolean;
  readonly err: number;
}
export const MultiHeader: Codec<MultiHeader> = record({ type: int, done: boolean, err: int });

const END: MultiHeader = { type: OpCode.error, done: true, err: -1 };

/** Operation of a `multi` or `multiRead` in its wire form. */
export type MultiRequestItem =
  | {
      readonly type: typeof OpCode.create | typeof OpCode.create2 | typeof OpCode.createContainer;
      readonly request: CreateRequest;
    }
  | { readonly type: typeof OpCode.createTTL; readonly request: CreateTtlRequest }
  | { readonly type: typeof OpCode.delete; readonly request: DeleteRequest }
  | { readonly type: typeof OpCode.setData; readonly request: SetDataRequest }
  | { readonly type: typeof OpCode.check; readonly request: CheckVersionRequest }
  | { readonly type: typeof OpCode.getData | typeof OpCode.getChildren; readonly request: ReadRequest };

/**
 * Result of one operation of a `multi` or `multiRead`. The type is the type that the server sent, which may differ from the type of
 * the operation.
 */
export type MultiResponseItem =
  | { readonly type: 'create'; readonly path: string; readonly stat: Stat | null }
  | { readonly type: 'delete' }
  | { readonly type: 'setData'; readonly stat: Stat }
  | { readonly type: 'check' }
  | { readonly type: 'getData'; readonly data: Buffer | null; readonly stat: Stat }
  | { readonly type: 'getChildren'; readonly children: readonly string[] }
  | { readonly type: 'error'; readonly errorCode: number };

const requestCodecs: ReadonlyMap<number, Codec<never>> = new Map<number, Codec<never>>([
  [OpCode.create, CreateRequest as Codec<never>],
  [OpCode.create2, CreateRequest as Codec<never>],
  [OpCode.createContainer, CreateRequest as Codec<never>],
  [OpCode.createTTL, CreateTtlRequest as Codec<never>],
  [OpCode.delete, DeleteRequest as Codec<never>],
  [OpCode.setData, SetDataRequestCodec as Codec<never>],
  [OpCode.check, CheckVersionRequestCodec as Codec<never>],
  [OpCode.getData, ReadRequest as Codec<never>],
  [OpCode.getChildren, ReadRequest as Codec<never>],
]);

function requestCodec(type: number): Codec<never> {
  const codec = requestCodecs.get(type);
  if (codec === undefined) throw new MarshallingError(`operation ${type} in a multi`);
  return codec;
}

const names: Codec<readonly string[]> = vector(ustring);

const resultCodecs: ReadonlyMap<number, Codec<MultiResponseItem>> = new Map([
  [
    OpCode.create,
    result<'create'>(
      (writer, item) => CreateResponse.write(writer, item),
      (reader) => ({ type: 'create', path: CreateResponse.read(reader).path, stat: null }),
    ),
  ],
  [
    OpCode.create2,
    result<'create'>(
      (writer, { path, stat }) => Create2Response.write(writer, { path, stat: stat as Stat }),
      (reader) => ({ type: 'create', ...Create2Response.read(reader) }),
    ),
  ],
  [
    OpCode.delete,
    result<'delete'>(
      () => {},
      () => ({ type: 'delete' }),
    ),
  ],
  [
    OpCode.setData,
    result<'setData'>(
      (writer, item) => Stat.write(writer, item.stat),
      (reader) => ({ type: 'setData', stat: Stat.read(reader) }),
    ),
  ],
  [
    OpCode.check,
    result<'check'>(
      () => {},
      () => ({ type: 'check' }),
    ),
  ],
  [
    OpCode.getData,
    result<'getData'>(
      (writer, item) => GetDataResponse.write(writer, item),
      (reader) => ({ type: 'getData', ...GetDataResponse.read(reader) }),
    ),
  ],
  [
    OpCode.getChildren,
    result<'getChildren'>(
      (writer, item) => names.write(writer, item.children),
      (reader) => ({ type: 'getChildren', children: names.read(reader) }),
    ),
  ],
  [
    OpCode.error,
    result<'error'>(
      (writer, item) => writer.int(item.errorCode),
      (reader) => ({ type: 'error', errorCode: reader.int() }),
    ),
  ],
]);

function result<T extends MultiResponseItem['type']>(
  write: (writer: Parameters<Codec<never>['write']>[0], item: Extract<MultiResponseItem, { type: T }>) => void,
  read: (reader: Parameters<Codec<never>['read']>[0]) => MultiResponseItem,
): Codec<MultiResponseItem> {
  return { write: (writer, item) => write(writer, item as Extract<MultiResponseItem, { type: T }>), read };
}

/** `MultiOperationRecord`: a header and a request for each operation, then the end mark. */
export const MultiRequest: Codec<readonly MultiRequestItem[]> = {
  write(writer, items) {
    for (const { type, request } of items) {
      MultiHeader.write(writer, { type, done: false, err: -1 });
      requestCodec(type).write(writer, request as never);
    }
    MultiHeader.write(writer, END);
  },
  read(reader) {
    const items: MultiRequestItem[] = [];
    for (let header = MultiHeader.read(reader); !header.done; header = MultiHeader.read(reader)) {
      items.push({ type: header.type, request: requestCodec(header.type).read(reader) } as MultiRequestItem);
    }
    return items;
  },
};

function resultType(item: MultiResponseItem): number {
  if (item.type === 'error') return OpCode.error;
  return item.type === 'create' && item.stat !== null ? OpCode.create2 : OpCode[item.type];
}

/** `MultiResponse`: a header and a result for each operation, then the end mark. */
export const MultiResponse: Codec<readonly MultiResponseItem[]> = {
  write(writer, items) {
    for (const item of items) {
      const type = resultType(item);
      MultiHeader.write(writer, { type, done: false, err: item.type === 'error' ? item.errorCode : 0 });
      resultCodecs.get(type)?.write(writer, item);
    }
    MultiHeader.write(writer, END);
  },
  read(reader) {
    const items: MultiResponseItem[] = [];
    for (let header = MultiHeader.read(reader); !header.done; header = MultiHeader.read(reader)) {
      const codec = resultCodecs.get(header.type);
      if (codec === undefined) throw new MarshallingError(`result of type ${header.type} in a multi`, reader.position);
      items.push(codec.read(reader));
    }
    return items;
  },
};

export const multi: Operation<readonly MultiRequestItem[], readonly MultiResponseItem[]> = {
  name: 'multi',
  opCode: OpCode.multi,
  request: MultiRequest,
  response: MultiResponse,
  parts: (items) => items.length,
};

export const multiRead: Operation<readonly MultiRequestItem[], readonly MultiResponseItem[]> = {
  name: 'multiRead',
  opCode: OpCode.multiRead,
  request: MultiRequest,
  response: MultiResponse,
  isRead: true,
  parts: (items) => items.length,
};
