import { type Codec, int, long, nothing, record, ustring, vector } from '../../jute/codec.js';
import { OpCode } from '../op-code.js';
import type { Operation } from '../operation.js';

/** `SetWatches` of zookeeper.jute: one-shot watches of a connection that was lost. */
export interface SetWatches {
  /** Zxid of the last transaction whose effects the client has seen. The server reports later changes as events. */
  readonly relativeZxid: bigint;
  readonly dataWatches: readonly string[];
  readonly existWatches: readonly string[];
  readonly childWatches: readonly string[];
}
export const SetWatches: Codec<SetWatches> = record({
  relativeZxid: long,
  dataWatches: vector(ustring),
  existWatches: vector(ustring),
  childWatches: vector(ustring),
});

export const setWatches: Operation<SetWatches, void> = {
  name: 'setWatches',
  opCode: OpCode.setWatches,
  request: SetWatches,
  response: nothing,
};

/**
 * `SetWatches2` of zookeeper.jute: one-shot and persistent watches of a connection that was lost. Servers before 3.6 do not know this
 * request.
 */
export interface SetWatches2 extends SetWatches {
  readonly persistentWatches: readonly string[];
  readonly persistentRecursiveWatches: readonly string[];
}
export const SetWatches2: Codec<SetWatches2> = record({
  relativeZxid: long,
  dataWatches: vector(ustring),
  existWatches: vector(ustring),
  childWatches: vector(ustring),
  persistentWatches: vector(ustring),
  persistentRecursiveWatches: vector(ustring),
});

export const setWatches2: Operation<SetWatches2, void> = {
  name: 'setWatches2',
  opCode: OpCode.setWatches2,
  request: SetWatches2,
  response: nothing,
};

/** `AddWatchRequest` of zookeeper.jute. */
export interface AddWatchRequest {
  readonly path: string;
  /** Mode of the watch: 0 persistent, 1 persistent recursive. */
  readonly mode: number;
}
export const AddWatchRequest: Codec<AddWatchRequest> = record({ path: ustring, mode: int });

export const addWatch: Operation<AddWatchRequest, { readonly err: number }> = {
  name: 'addWatch',
  opCode: OpCode.addWatch,
  request: AddWatchRequest,
  response: record({ err: int }),
};

/** `RemoveWatchesRequest` of zookeeper.jute. */
export interface RemoveWatchesRequest {
  readonly path: string;
  /** Type of the watches: 1 children, 2 data, 3 any; from 3.9 also 4 persistent, 5 persistent recursive. */
  readonly type: number;
}
export const RemoveWatchesRequest: Codec<RemoveWatchesRequest> = record({ path: ustring, type: int });

export const removeWatches: Operation<RemoveWatchesRequest, void> = {
  name: 'removeWatches',
  opCode: OpCode.removeWatches,
  request: RemoveWatchesRequest,
  response: nothing,
};
