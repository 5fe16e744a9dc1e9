import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { withAnySignal } from './with-any-signal.js';

const never = (signal: AbortSignal | undefined) =>
  new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));

describe('withAnySignal', () => {
  it('hands a lone signal on, and none where there is none', async () => {
    const { signal } = new AbortController();
    for (const signals of [[signal], [undefined, signal], [signal, undefined]]) {
      expect(await withAnySignal(signals, async (handedOn) => handedOn)).toBe(signal);
    }
    expect(await withAnySignal([undefined], async (handedOn) => handedOn)).toBeUndefined();
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it.each([0, 1])('ends with whichever is the first: %d', async (index) => {
    const controllers = [new AbortController(), new AbortController()];
    const signals = controllers.map(({ signal }) => signal);
    const working = withAnySignal(signals, never);
    controllers[index]?.abort('first');
    controllers[1 - index]?.abort('second');
    await expect(working).rejects.toBe('first');
  });

  it('begins with the reason of one that has aborted', async () => {
    const signals = [new AbortController().signal, AbortSignal.abort('before')];
    expect(await withAnySignal(signals, async (signal) => signal?.reason)).toBe('before');
  });

  it.each(['resolves', 'rejects', 'is given up', 'was given up before'])(
    'leaves nothing on its signals when the work %s',
    async (end) => {
      const [long, brief] = [new AbortController(), new AbortController()];
      if (end === 'was given up before') brief.abort();
      const traces = tracesOn(long.signal);
      const working = withAnySignal([long.signal, undefined, brief.signal], async (signal) => {
        if (end === 'rejects') throw new Error('failed');
        if (end === 'is given up') await never(signal);
      });
      if (end === 'is given up') brief.abort();
      await working.catch(() => {});
      expect(tracesOn(long.signal)).toEqual(traces);
      expect(tracesOn(brief.signal).listeners).toBe(0);
    },
  );
});

/** Listeners, and what Node notes on a signal about signals that were made of it. */
function tracesOn(signal: AbortSignal): { readonly listeners: number; readonly dependants: string[] } {
  const symbols = Object.getOwnPropertySymbols(signal).map(String);
  return {
    listeners: getEventListeners(signal, 'abort').length,
    dependants: symbols.filter((symbol) => /depend/i.test(symbol)),
  };
}
