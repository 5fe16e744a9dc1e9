import type { Keeper } from '@zk-recipes/core';
import { childOf, namesIn, orNull } from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';
import { decodeRecord } from './attempt-record.js';
import type { Codec } from './codec.js';
import { decode } from './decoding.js';
import { unframeItems } from './item-framing.js';
import { isItem, nameToRenew } from './item-name.js';
import type { Store } from './places.js';

/** Item that could not be processed. */
export interface DeadLetter<T = unknown> {
  /** Path of its znode. */
  readonly path: string;
  /** Reason of its rejection; `null` if none was given. */
  readonly reason: string | null;
  /** Number of times that the item was handed out. */
  readonly attempts: number;
  /** Bytes of its znode, unchanged from the queue: Curator's frame, which contains the bytes from the codec. */
  readonly data: Buffer;
  /** Decoded value; `undefined` if the codec cannot decode the bytes, which may be the reason why the item is a dead letter. */
  readonly value: T | undefined;
}

/** Schema of a dead letter to revive. */
export const letterSchema: z.ZodMiniType = z.object({
  path: z.string(),
  data: z.custom((value) => value instanceof Uint8Array, 'a Uint8Array'),
});

/** Codec of dead letters, and its time limit. */
export interface DeadLetterCodec<T> {
  readonly codec: Codec<T>;
  /** Longest time in milliseconds for decoding a dead letter. */
  readonly decodeTimeoutMs: number;
}

/** Reads all dead letters, in the order of their names. */
export async function readDeadLetters<T>(
  keeper: Keeper,
  { items, records }: Store,
  { codec, decodeTimeoutMs }: DeadLetterCodec<T>,
  signal: AbortSignal | undefined,
): Promise<DeadLetter<T>[]> {
  const names = (await namesIn(keeper, items, { signal })).filter(isItem).sort();
  const letters = names.map(async (name): Promise<DeadLetter<T> | null> => {
    const path = childOf(items, name);
    const [content, record] = await Promise.all([
      orNull(keeper.getData().withStat().forPath(path, { signal })),
      orNull(keeper.getData().forPath(childOf(records, name), { signal })),
    ]);
    if (content === null) return null;
    const { attempts, reason } = decodeRecord(record);
    const data = content.data ?? Buffer.alloc(0);
    return { path, reason, attempts, data, value: await decodedValue(data, codec, decodeTimeoutMs) };
  });
  return (await Promise.all(letters)).filter((letter) => letter !== null);
}

async function decodedValue<T>(data: Buffer, codec: Codec<T>, timeoutMs: number): Promise<T | undefined> {
  const [payload] = payloadsOf(data) ?? [];
  if (payload === undefined) return undefined;
  const decoded = await decode(codec, payload, { timeoutMs });
  return decoded.kind === 'decoded' ? decoded.value : undefined;
}

/** Returns the payloads of an item, or `null` for bytes that are not framed as an item. */
function payloadsOf(data: Buffer): Buffer[] | null {
  try {
    return unframeItems(data);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Returns the name under which a dead letter is put into its queue again, without the server's number. */
export function revivedName({ path }: DeadLetter): string {
  return nameToRenew(path.slice(path.lastIndexOf('/') + 1));
}
