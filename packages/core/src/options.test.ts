import { isIP } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type KeeperOptions, resolveOptions } from './options.js';

const connectString = 'localhost:2181';

describe('options of Keeper.connect', () => {
  it('have defaults', () => {
    const { namespace, client, engine } = resolveOptions({ connectString });
    expect(namespace).toBe('');
    expect(client.sessionTimeoutMs).toBe(15_000);
    expect(engine.retry).toMatchObject({ retries: 8, baseDelayMs: 50, maxDelayMs: 2_000 });
    expect(engine.operationTimeoutMs).toBe(30_000);
    expect(engine.useContainerParents).toBe(true);
    expect(engine.aclFor('/a')).toBeUndefined();
    expect(isIP(Buffer.from(engine.defaultData).toString())).not.toBe(0);
  });

  it.each([
    [{ retrys: {} }, 'Unknown option `retrys`'],
    [{ sasl: true }, 'Unknown option `sasl`'],
    [{ tls: 'yes' }, 'Expected option `tls`'],
    [{ reconnect: { minMs: 1 } }, 'Unknown option `reconnect.minMs`'],
    [{ connectString: 7 }, 'option `connectString`'],
    [{ sessionTimeoutMs: '5s' }, 'option `sessionTimeoutMs`'],
    [{ retry: { retries: 1 } }, 'option `retry.baseDelayMs`'],
    [{ operationTimeoutMs: '5s' }, 'option `operationTimeoutMs`'],
    [{ acl: [] }, 'option `acl` of Keeper.connect to be a function, got an array of 0'],
    [{ auth: [{ scheme: 'digest', auth: 7 }] }, 'option `auth.0.auth`'],
    [{ defaultData: 7 }, 'option `defaultData`'],
    [{ signal: {} }, 'option `signal`'],
  ])('are refused by name: %o', (wrong, message) => {
    const options = { connectString, ...wrong } as unknown as KeeperOptions;
    expect(() => resolveOptions(options)).toThrow(TypeError);
    expect(() => resolveOptions(options)).toThrow(message);
  });

  it.each([
    [{ sessionTimeoutMs: 0 }, '`sessionTimeoutMs`'],
    [{ requestTimeoutMs: 2 ** 31 }, '`requestTimeoutMs`'],
    [{ operationTimeoutMs: 0 }, '`operationTimeoutMs`'],
    [{ operationTimeoutMs: 2 ** 31 }, '`operationTimeoutMs`'],
    [{ connectString: '' }, '`connectString`'],
    [{ namespace: '/billing' }, '`namespace`'],
  ])('are refused out of range: %o', (wrong, message) => {
    const options = { connectString, ...wrong } as KeeperOptions;
    expect(() => resolveOptions(options)).toThrow(RangeError);
    expect(() => resolveOptions(options)).toThrow(message);
  });

  it('may leave operations without a time limit', () => {
    const operationTimeoutMs = Number.POSITIVE_INFINITY;
    expect(resolveOptions({ connectString, operationTimeoutMs }).engine).toMatchObject({ operationTimeoutMs });
  });

  it('are not an object: refused too', () => {
    expect(() => resolveOptions('localhost' as unknown as KeeperOptions)).toThrow(TypeError);
    expect(() => resolveOptions(undefined as unknown as KeeperOptions)).toThrow(TypeError);
  });

  it('may have a retry policy of one’s own', () => {
    const retry = {
      retries: Number.POSITIVE_INFINITY,
      baseDelayMs: 1,
      maxDelayMs: 1,
      factor: 1,
      jitter: false,
      maxElapsedMs: 5,
    };
    expect(resolveOptions({ connectString, retry }).engine.retry).toBe(retry);
  });
});
