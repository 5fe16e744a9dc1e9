import { follow, unfollow } from 'zookeeper-ts-client';

/**
 * Does something that ends with the first of several signals. Unlike `AbortSignal.any`, it leaves nothing behind on those that live
 * long (Node 20 keeps an entry on them for every one that was made).
 *
 * @param signals those that are there; with one alone, that one is handed on
 */
export async function withAnySignal<T>(
  signals: readonly (AbortSignal | undefined)[],
  work: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  const all = signals.filter((signal) => signal !== undefined);
  if (all.length <= 1) return await work(all[0]);
  const first = new AbortController();
  const followers = all.map((signal) => {
    const onAbort = (): void => first.abort(signal.reason);
    if (signal.aborted) onAbort();
    else follow(signal, onAbort);
    return { signal, onAbort };
  });
  try {
    return await work(first.signal);
  } finally {
    for (const { signal, onAbort } of followers) unfollow(signal, onAbort);
  }
}
