import type { Keeper } from '@zk-recipes/core';
import { childOf, namesIn, orNull } from '@zk-recipes/core/recipe-kit';
import * as z from 'zod/mini';
import { decodeRecord } from './attempt-record.js';
import type { Codec } from './codec.js';
import { decode } from './decoding.js';
import { unframeItems } from './item-framing.js';
import { isItem, nameToRenew } from './item-name.js';
import type { Store } from './places.js';

/** An item that could not be worked off. */
export interface DeadLetter<T = unknown> {
  /** Its znode. */
  readonly path: string;
  /** Why; `null` where nobody said. */
  readonly reason: string | null;
  /** How often it was handed out. */
  readonly attempts: number;
  /** What its znode held in the queue, and holds now, byte by byte: Curator's frame, and in it what the codec made. */
  readonly data: Buffer;
  /** What the codec makes of its bytes; `undefined` where they cannot be decoded, which may be why it is here. */
  readonly value: T | undefined;
}

/** What a dead letter must have to be revived. */
export const letterSchema: z.ZodMiniType = z.object({
  path: z.string(),
  data: z.custom((value) => value instanceof Uint8Array, 'a Uint8Array'),
});

/** How the bytes of dead letters become values. */
export interface DeadLetterCodec<T> {
  readonly codec: Codec<T>;
  /** How long one may take to be decoded, in milliseconds. */
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

/** @returns `null` for what is not framed as an item */
function payloadsOf(data: Buffer): Buffer[] | null {
  try {
    return unframeItems(data);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Name under which a dead letter is put into its queue again, before the server's number. */
export function revivedName({ path }: DeadLetter): string {
  return nameToRenew(path.slice(path.lastIndexOf('/') + 1));
}
