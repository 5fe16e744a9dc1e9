import type { Keeper } from '@zk-recipes/core';
import { LEFT_BEHIND, persevere } from '@zk-recipes/core/recipe-kit';

/**
 * Runs work at the end of an operation that the server may refuse now and permit later. The first refusal is a `backgroundError` with the
 * operation `left behind`. The work then goes on in the background until it succeeds, the signal aborts or the `Keeper` is closed.
 *
 * @param path path of the znode that may be left, as users of the namespace name it
 * @param signalOf called after a failure; returns the signal that aborts when the work has become pointless
 * @param onRefused called at the first refusal, before the work goes on in the background
 * @returns resolves when the work is done, or was refused for the first time
 * @throws the error of the work after the signal has aborted, or the `Keeper` was closed
 */
export async function untilPermitted(
  keeper: Keeper,
  path: string,
  signalOf: () => AbortSignal,
  work: () => Promise<void>,
  onRefused: () => void = () => {},
): Promise<void> {
  try {
    await work();
  } catch (error) {
    const signal = signalOf();
    if (signal.aborted || keeper.closed) throw error;
    keeper.reportBackgroundError(error, LEFT_BEHIND, path);
    onRefused();
    // Further refusals are not reported. It rejects only when the signal aborts or the `Keeper` is closed.
    void persevere(keeper, work, { signal, onFailure: () => {} }).catch(() => {});
  }
}
