import { follow, unfollow } from 'zookeeper-ts-client';

/**
 * Does work that ends with the first of several signals. Unlike `AbortSignal.any`, this function leaves nothing behind on long-lived
 * signals (Node 20 keeps an entry on them for every combined signal).
 *
 * @param signals signals, of which `undefined` ones are ignored; a single signal is passed on as it is
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
