import type { Keeper } from '@zk-recipes/core';
import { LEFT_BEHIND, persevere } from '@zk-recipes/core/recipe-kit';

/**
 * Does work of an ending that the server may refuse: what is refused now may be permitted later. The first refusal is a `backgroundError`
 * with the operation `left behind`, and the work goes on in the background until it succeeds, the signal aborts or the `Keeper` is closed.
 *
 * @param path what may be left, as users of the namespace name it
 * @param signalOf asked after a failure for the signal that aborts when the work has become pointless
 * @param onRefused called at the first refusal, before the work goes on in the background
 * @returns resolves when the work is done, or was refused for the first time
 * @throws what the work rejects with after the signal has aborted, or the `Keeper` was closed
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
    // Of further refusals nobody has to hear. Only the signal and the end of the `Keeper` make it reject.
    void persevere(keeper, work, { signal, onFailure: () => {} }).catch(() => {});
  }
}
