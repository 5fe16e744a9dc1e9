import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { Stat } from '../src/protocol/stat.js';
import { settled } from './fake-clock.js';
import { eventFrame, plainStat } from './fake-network.js';
import { FakeSession } from './fake-session.js';

describe('a callback that throws', () => {
  it('harms nothing, and is reported', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const errors: unknown[] = [];
    const seen: string[] = [];
    zk.on('callbackError', (error) => errors.push((error as Error).message));
    const bad = (): never => {
      throw new Error('watch');
    };
    const reads = [bad, () => void seen.push('good')].map((watch) => zk.exists('/a', { watch }));
    await settled();
    for (const _ of reads) session.link.answerWith(Stat, plainStat);
    await Promise.all(reads);
    session.link.receive(eventFrame(3, '/a'), eventFrame(3, '/b'));
    await settled();
    expect({ seen, errors }).toEqual({ seen: ['good'], errors: ['watch'] });
    zk.on('state', (state) => {
      throw new Error(`listener ${state}`);
    });
    zk.on('state', (state) => void seen.push(state));
    await session.reconnect();
    await settled();
    expect(seen).toEqual(['good', 'disconnected', 'connected']);
    expect(errors).toEqual(['watch', 'listener disconnected', 'listener connected']);
  });

  it('is reported as well when it is async', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const errors: unknown[] = [];
    zk.on('callbackError', (error) => errors.push((error as Error).message));
    const read = zk.exists('/a', {
      watch: async () => {
        await null;
        throw new Error('late');
      },
    });
    await settled();
    session.link.answerWith(Stat, plainStat);
    await read;
    session.link.receive(eventFrame(3, '/a'));
    await settled();
    expect(errors).toEqual(['late']);
  });
});

describe('a listener of states', () => {
  it('that was added for once is called once', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const seen: string[] = [];
    zk.once('state', (state) => void seen.push(state));
    const next = once(zk, 'state');
    await session.reconnect();
    expect(await next).toEqual(['disconnected']);
    expect(seen).toEqual(['disconnected']);
    expect(zk.listenerCount('state')).toBe(0);
  });

  it('is called with the client as `this`', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const owners: unknown[] = [];
    zk.on('state', function (this: unknown) {
      owners.push(this);
    });
    session.link.end();
    expect(owners).toEqual([zk]);
  });

  it('may be one of many', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    for (let i = 0; i < 50; i++) zk.on('state', () => {});
    await settled();
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });
});

describe('states', () => {
  it('are iterated from the present one to the end, none left out', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const seen: string[] = [];
    const iteration = (async () => {
      for await (const state of zk.states()) {
        seen.push(state);
        // A slow consumer, behind which states pile up.
        await settled();
        await settled();
      }
    })();
    for (let i = 0; i < 3; i++) await session.reconnect();
    await session.reconnect({ timeOut: 0 });
    await iteration;
    const again = Array.from({ length: 3 }, () => ['disconnected', 'connected']).flat();
    expect(seen).toEqual(['connected', ...again, 'disconnected', 'expired']);
    expect(zk.listenerCount('state')).toBe(0);
  });

  it('are told from the call on, also when they are asked for later', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const states = zk.states();
    await session.reconnect();
    expect((await states.next()).value).toBe('connected');
    expect((await states.next()).value).toBe('disconnected');
    expect((await states.next()).value).toBe('connected');
    await states.return?.();
    expect(zk.listenerCount('state')).toBe(0);
  });

  it('leave no listener when the loop is left', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    for await (const _ of zk.states()) break;
    expect(zk.listenerCount('state')).toBe(0);
  });

  it('leave no listener when the iterator is returned while it waits', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const states = zk.states();
    await states.next();
    const waiting = states.next();
    await states.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await states.next()).toEqual({ done: true, value: undefined });
    expect(zk.listenerCount('state')).toBe(0);
  });

  it('end with the reason of a signal, and leave no listener', async () => {
    const session = new FakeSession();
    const zk = await session.connect();
    const controller = new AbortController();
    const states = zk.states({ signal: controller.signal });
    await states.next();
    const waiting = states.next();
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(zk.listenerCount('state')).toBe(0);
    await expect(zk.states({ signal: controller.signal }).next()).rejects.toThrow('enough');
    expect(zk.listenerCount('state')).toBe(0);
  });
});
