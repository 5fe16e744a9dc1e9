import { channel } from 'node:diagnostics_channel';
import { describeOnSharedServer } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import {
  BACKGROUND_ERROR_CHANNEL,
  ClosedError,
  type ConnectionState,
  digestAuth,
  Keeper,
  retryForever,
  SessionExpiredError,
} from '../src/index.js';
import { stage, untilState, watchingExisting } from './stage.js';

describeOnSharedServer('the session of a keeper', () => {
  const on = stage();

  it('is kept over a disconnection', async () => {
    const { keeper, proxy } = await on.proxied();
    const states: ConnectionState[] = [];
    keeper.on('state', (state) => states.push(state));
    const id = keeper.sessionId;
    await keeper.create().withMode('EPHEMERAL').forPath('/x');
    const back = untilState(keeper, 'RECONNECTED');
    proxy.cut();
    await back;
    expect(states).toEqual(['SUSPENDED', 'RECONNECTED']);
    expect(await keeper.exists().forPath('/x')).toMatchObject({ ephemeralOwner: id });
    expect([keeper.sessionId, keeper.sessionEpoch]).toEqual([id, 1]);
    expect(keeper.validForMs()).toBeGreaterThan(0);
  });

  it('is followed by another when the server has ended it', async () => {
    const { keeper } = await on.proxied();
    const states: ConnectionState[] = [];
    keeper.on('state', (state) => {
      states.push(state);
      if (state === 'LOST') expect(keeper.validForMs()).toBe(0);
    });
    const id = keeper.sessionId;
    await keeper.create().withMode('EPHEMERAL').forPath('/x');
    const back = untilState(keeper, 'RECONNECTED');
    await on.expire(keeper);
    await back;
    expect(states).toEqual(['SUSPENDED', 'LOST', 'RECONNECTED']);
    expect(keeper.sessionEpoch).toBe(2);
    expect(keeper.sessionId).not.toBe(id);
    expect(keeper.zookeeper.sessionId).toBe(keeper.sessionId);
    expect(await keeper.exists().forPath('/x')).toBeNull();
    expect(keeper.validForMs()).toBeGreaterThan(0);
    expect(on.errors).toEqual([]);
  });

  it('serves a request that was made while there was none', async () => {
    const { keeper } = await on.proxied();
    const result = new Promise((resolve) => {
      const create = (state: ConnectionState): void => {
        if (state !== 'LOST') return;
        keeper.off('state', create);
        resolve(keeper.create().withMode('EPHEMERAL').withStat().forPath('/x'));
      };
      keeper.on('state', create);
    });
    await on.expire(keeper);
    expect(await result).toMatchObject({ stat: { ephemeralOwner: keeper.sessionId } });
    expect(keeper.sessionEpoch).toBe(2);
  });

  it('hands reads on to the next, and tells the writer of a plain create that it has ended', async () => {
    const { keeper, proxy } = await on.proxied();
    await keeper.create().forPath('/x', 'here');
    const suspended = untilState(keeper, 'SUSPENDED');
    proxy.refuse();
    proxy.cut();
    await suspended;
    const read = keeper.getData().forPath('/x');
    const write = expect(keeper.create().withMode('EPHEMERAL').forPath('/y')).rejects.toBeInstanceOf(
      SessionExpiredError,
    );
    await on.expire(keeper);
    await proxy.accept();
    expect((await read)?.toString()).toBe('here');
    await write;
    expect(keeper.sessionEpoch).toBe(2);
    expect(await keeper.exists().forPath('/y')).toBeNull();
  });

  it('is LOST when the clock has run out, and yet the same when it is found alive', async () => {
    const { keeper, proxy } = await on.proxied({ sessionTimeoutMs: 3_000 });
    const states: ConnectionState[] = [];
    const id = keeper.sessionId;
    // The server counts from the newest packet; the clock, with its margin, must be ahead of it.
    await keeper.sync().forPath('/');
    const lost = untilState(keeper, 'LOST').then(() => proxy.accept());
    const back = untilState(keeper, 'RECONNECTED');
    keeper.on('state', (state) => states.push(state));
    proxy.refuse();
    proxy.cut();
    await lost;
    await back;
    expect(states).toEqual(['SUSPENDED', 'LOST', 'RECONNECTED']);
    expect([keeper.sessionId, keeper.sessionEpoch]).toEqual([id, 1]);
  });

  it('is LOST once, when the server confirms what the clock has said', async () => {
    const { keeper, proxy } = await on.proxied({ sessionTimeoutMs: 1_000 });
    const states: ConnectionState[] = [];
    keeper.on('state', (state) => states.push(state));
    const lost = untilState(keeper, 'LOST');
    const back = untilState(keeper, 'RECONNECTED');
    proxy.refuse();
    proxy.cut();
    await lost;
    await on.expire(keeper);
    await proxy.accept();
    await back;
    expect(states).toEqual(['SUSPENDED', 'LOST', 'RECONNECTED']);
    expect(keeper.sessionEpoch).toBe(2);
  });

  it('is told of by an iterator: the present state and each later one, to the end', async () => {
    const { keeper, proxy } = await on.proxied();
    const states: ConnectionState[] = [];
    for await (const state of keeper.connectionStates()) {
      states.push(state);
      if (states.length === 1) proxy.cut();
      if (state === 'RECONNECTED') void keeper.close();
    }
    expect(states).toEqual(['CONNECTED', 'SUSPENDED', 'RECONNECTED', 'LOST']);
  });

  it('is told of until the listener has enough', async () => {
    const keeper = await on.keeper();
    const enough = new AbortController();
    const states = keeper.connectionStates({ signal: enough.signal });
    expect(await states.next()).toEqual({ value: 'CONNECTED', done: false });
    const next = states.next();
    enough.abort('enough');
    await expect(next).rejects.toBe('enough');
  });

  it('cannot be harmed by a listener that throws', async () => {
    const { keeper, proxy } = await on.proxied();
    const mine = new Error('mine');
    const published: unknown[] = [];
    const subscriber = (message: unknown): void => void published.push(message);
    channel(BACKGROUND_ERROR_CHANNEL).subscribe(subscriber);
    keeper.on('backgroundError', () => {
      throw new Error('also mine');
    });
    keeper.on('state', () => {
      throw mine;
    });
    const back = untilState(keeper, 'RECONNECTED');
    proxy.cut();
    await back;
    channel(BACKGROUND_ERROR_CHANNEL).unsubscribe(subscriber);
    expect(on.errors.map(({ error }) => error)).toEqual([mine, mine]);
    expect(published).toHaveLength(4);
    expect(published[0]).toEqual({ error: mine, operation: 'state listener', path: null });
    expect(() => keeper.on('stat' as 'state', () => {})).toThrow(TypeError);
  });
});

describeOnSharedServer('the end of a keeper', () => {
  const on = stage();

  it('ends the session, and is told of first', async () => {
    const keeper = await on.keeper();
    const other = await on.keeper({ namespace: keeper.namespace });
    await keeper.create().withMode('EPHEMERAL').forPath('/x');
    const seen: unknown[] = [];
    keeper.on('state', (state) => seen.push(state, keeper.closed, keeper.validForMs()));
    const gone = await watchingExisting(other, '/x');
    await keeper.close();
    expect(await gone.event).toMatchObject({ type: 'NodeDeleted' });
    expect(seen).toEqual(['LOST', true, 0]);
  });

  it('is the end: nothing is begun any more, nothing waits any longer, and once more is the same', async () => {
    const { keeper, proxy } = await on.proxied({ retry: retryForever({ delayMs: 10 }), requestTimeoutMs: 1_000 });
    await keeper.create().forPath('/x');
    const suspended = untilState(keeper, 'SUSPENDED');
    proxy.refuse();
    proxy.cut();
    await suspended;
    const waiting = expect(keeper.getData().forPath('/x')).rejects.toBeInstanceOf(ClosedError);
    await Promise.all([keeper.close(), keeper.close()]);
    await waiting;
    await keeper.close();
    await expect(keeper.exists().forPath('/x')).rejects.toBeInstanceOf(ClosedError);
    await expect(keeper.transaction().check('/x').commit()).rejects.toBeInstanceOf(ClosedError);
  });

  it('does not come by way of a facade', async () => {
    const keeper = await on.keeper();
    const facade = keeper.usingNamespace('');
    await facade.close();
    await facade[Symbol.asyncDispose]();
    expect([facade.closed, keeper.closed]).toEqual([false, false]);
    await facade.exists().forPath('/');
  });

  it('can come while the next session is being opened', async () => {
    const { keeper, proxy } = await on.proxied();
    const lost = untilState(keeper, 'LOST');
    keeper.on('state', (state) => {
      if (state === 'LOST') proxy.refuse();
    });
    await on.expire(keeper);
    await lost;
    proxy.cut();
    const waiting = expect(keeper.exists().forPath('/')).rejects.toBeInstanceOf(ClosedError);
    await keeper.close();
    await waiting;
    expect(on.errors).toEqual([]);
  });
});

describeOnSharedServer('Keeper.connect', () => {
  const on = stage();

  it('gives up when it is told to, with what every server said', async () => {
    const { proxy } = await on.proxied();
    proxy.refuse();
    const connectString = proxy.connectString;
    const giveUp = new AbortController();
    const refused = Keeper.connect({ connectString, signal: giveUp.signal }).catch((error: unknown) => error);
    setImmediate(() => giveUp.abort('enough'));
    const error = await refused;
    expect(error).toBeInstanceOf(AggregateError);
    expect(error).toMatchObject({ cause: 'enough', message: expect.stringContaining('Gave up connecting') });
  });

  it('refuses wrong options before anything else', async () => {
    await expect(Keeper.connect({ connectString: 'x', sasl: {} } as never)).rejects.toThrow('Unknown option `sasl`');
    await expect(Keeper.connect({ connectString: 'host:port' })).rejects.toThrow(/port/);
  });
});

describeOnSharedServer('refused credentials', () => {
  const on = stage();

  it('are the end of a keeper', async () => {
    const keeper = await on.keeper();
    const lost = untilState(keeper, 'LOST');
    keeper.zookeeper.addAuth('no-such-scheme', 'x').catch(() => {});
    await lost;
    expect(keeper.closed).toBe(true);
    await expect(keeper.exists().forPath('/')).rejects.toMatchObject({ name: 'AuthFailedError' });
    await keeper.close();
  });

  it('reject connect', async () => {
    const keeper = await on.keeper({ auth: [digestAuth('a', 'b')] });
    const { server } = keeper.zookeeper;
    await expect(
      Keeper.connect({
        connectString: server as string,
        auth: [{ scheme: 'no-such-scheme', auth: Buffer.from('x') }],
      }).then((other) => other.exists().forPath('/')),
    ).rejects.toMatchObject({ name: 'AuthFailedError' });
  });
});
