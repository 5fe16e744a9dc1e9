import { follow, messageOf, systemClock, unfollow } from '@zk-recipes/core/recipe-kit';
import type { Codec } from './codec.js';

/** Result of decoding a payload. `undecided`: the decoding had not settled within its limit, or the caller gave up. */
export type Decoded<T> =
  | { readonly kind: 'decoded'; readonly value: T }
  | { readonly kind: 'unreadable'; readonly reason: string }
  | { readonly kind: 'undecided'; readonly why: 'limit' | 'given up' };

/** Options of decoding. */
export interface DecodingOptions {
  /** Limit in milliseconds, after which the result is `undecided`. */
  readonly timeoutMs: number;
  /** Gives up when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Called when the decoding has not settled after a second. */
  readonly onSlow?: (() => void) | undefined;
}

/** Time in milliseconds after which a decoding counts as slow. */
const SLOW_MS = 1_000;

/** Decodes a payload within a time limit. Never rejects, whatever the codec does. */
export async function decode<T>(
  codec: Codec<T>,
  payload: Uint8Array,
  { timeoutMs, signal, onSlow = () => {} }: DecodingOptions,
): Promise<Decoded<T>> {
  let decoding: unknown;
  try {
    decoding = codec.decode(payload);
    // Most codecs return a value at once: then no timers are needed.
    if (!isThenable(decoding)) return { kind: 'decoded', value: decoding as T };
  } catch (error) {
    return { kind: 'unreadable', reason: messageOf(error) };
  }
  const settled = Promise.resolve(decoding as Promise<T>).then(
    (value): Decoded<T> => ({ kind: 'decoded', value }),
    (error: unknown): Decoded<T> => ({ kind: 'unreadable', reason: messageOf(error) }),
  );
  return await new Promise<Decoded<T>>((resolve) => {
    const end = (decoded: Decoded<T>): void => {
      cancelSlow();
      cancelLimit();
      unfollow(signal, giveUp);
      resolve(decoded);
    };
    const giveUp = (): void => end({ kind: 'undecided', why: 'given up' });
    const cancelSlow = systemClock.schedule(SLOW_MS, onSlow);
    const cancelLimit = systemClock.schedule(timeoutMs, () => end({ kind: 'undecided', why: 'limit' }));
    follow(signal, giveUp);
    void settled.then(end);
    if (signal?.aborted) giveUp();
  });
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
