import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { WatchedEvent } from 'zookeeper-ts-client';
import { Change } from './change.js';

const deleted: WatchedEvent = { type: 'NodeDeleted', state: 'SyncConnected', path: '/x' };
const changed: WatchedEvent = { type: 'NodeDataChanged', state: 'SyncConnected', path: '/x' };

describe('Change', () => {
  it('tells the first event, also when nobody waited for it yet', async () => {
    const change = new Change();
    change.happened(deleted);
    change.happened(changed);
    expect(await change.orThrow(undefined)).toBe(deleted);
    expect(await change.orAbort(new AbortController().signal)).toBe(deleted);
  });

  it('is given up by a signal', async () => {
    const change = new Change();
    const controller = new AbortController();
    const waiting = [change.orThrow(controller.signal), change.orAbort(controller.signal)];
    controller.abort(new Error('enough'));
    await expect(waiting[0]).rejects.toThrow('enough');
    expect(await waiting[1]).toBeNull();
    expect(await change.orAbort(controller.signal)).toBeNull();
    await expect(change.orThrow(controller.signal)).rejects.toThrow('enough');
  });

  it('leaves no listener on the signal, whichever comes first', async () => {
    const { signal } = new AbortController();
    const change = new Change();
    const waiting = change.orAbort(signal);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    change.happened(deleted);
    await waiting;
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});
