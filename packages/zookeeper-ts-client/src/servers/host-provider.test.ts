import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/seeded-random.js';
import type { ServerAddress } from './connect-string.js';
import { HostProvider } from './host-provider.js';

/** Leaves a list in its order when shuffling. */
const unshuffled = (): number => 0.999_999;
const server = (host: string): ServerAddress => ({ host, port: 2181 });
const servers = (hosts: string): ServerAddress[] => [...hosts].map(server);

/** Hosts of the next round, in the order in which it tries them. */
const round = (provider: HostProvider): string =>
  provider
    .round()
    .map(({ host }) => host)
    .join('');

describe('HostProvider', () => {
  it('begins each round with the server that follows the one tried last', () => {
    const provider = new HostProvider(servers('abc'), unshuffled);
    expect([round(provider), round(provider)]).toEqual(['abc', 'abc']);
    provider.tried(server('a'));
    expect(round(provider)).toBe('bca');
    provider.tried(server('c'));
    expect(round(provider)).toBe('abc');
  });

  it('tries the server that was connected last in a round after all others', () => {
    const provider = new HostProvider(servers('abc'), unshuffled);
    provider.connected(server('b'));
    expect(round(provider)).toBe('cab');
  });

  it('shuffles the list once, every order as likely as any other', () => {
    const random = seededRandom(1);
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = round(new HostProvider(servers('abc'), random));
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });

  it('refuses an empty list', () => {
    expect(() => new HostProvider([])).toThrow(TypeError);
    expect(() => new HostProvider(servers('a')).update([], null)).toThrow(TypeError);
  });
});

describe('HostProvider.update', () => {
  const rounds = 20_000;

  /** Shares of clients that move, and of those the share that tries a server of the new part of the list first. */
  function simulate(before: string, mine: string, after: string): { moved: number; toNew: number } {
    const random = seededRandom(7);
    let moved = 0;
    let toNew = 0;
    for (let i = 0; i < rounds; i++) {
      const provider = new HostProvider(servers(before), random);
      provider.connected(server(mine));
      if (!provider.update(servers(after), server(mine))) continue;
      moved++;
      if (!before.includes(round(provider)[0] as string)) toNew++;
    }
    return { moved: moved / rounds, toNew: toNew / Math.max(1, moved) };
  }

  it.each<[string, string, string, string, number, number]>([
    ['more servers, mine among them: 1 − S/(a+b) move, all to new ones', 'abc', 'a', 'abcde', 1 - 3 / 5, 1],
    ['more servers, mine gone: all move to new ones', 'abc', 'a', 'bcdef', 1, 1],
    ['no more servers, mine among them: none moves', 'abc', 'a', 'abd', 0, 0],
    [
      'fewer servers, mine gone: all move, to old ones with a·(S−(a+b))/((a+b)·(S−a))',
      'abcde',
      'a',
      'bcx',
      1,
      1 - (2 * 2) / (3 * 3),
    ],
    ['as many servers, mine gone: all move to new ones', 'abc', 'a', 'bcd', 1, 1],
    ['fewer servers, none new, mine gone: all move to old ones', 'abcd', 'a', 'bc', 1, 0],
  ])('%s', (_, before, mine, after, moved, toNew) => {
    const simulated = simulate(before, mine, after);
    expect(simulated.moved).toBeCloseTo(moved, 1.5);
    expect(simulated.toNew).toBeCloseTo(toNew, 1.5);
  });

  it('leaves every server with the same load', () => {
    const random = seededRandom(3);
    const load = new Map<string, number>();
    for (let i = 0; i < rounds; i++) {
      const provider = new HostProvider(servers('abc'), random);
      const mine = provider.round()[0] as ServerAddress;
      provider.connected(mine);
      const now = provider.update(servers('abcde'), mine) ? (round(provider)[0] as string) : mine.host;
      load.set(now, (load.get(now) ?? 0) + 1);
    }
    for (const count of load.values()) expect(Math.abs(count / rounds - 1 / 5)).toBeLessThan(0.015);
    expect(load.size).toBe(5);
  });

  it('has each server once in the round of a move, then goes round', () => {
    const provider = new HostProvider(servers('ab'), unshuffled);
    provider.connected(server('a'));
    expect(provider.update(servers('bcde'), server('a'))).toBe(true);
    expect([...round(provider)].sort().join('')).toBe('bcde');
    expect(round(provider)).toBe('bcde');
  });

  it('ends the move with the first success', () => {
    const provider = new HostProvider(servers('ab'), unshuffled);
    provider.connected(server('a'));
    provider.update(servers('bcde'), server('a'));
    provider.connected(server('d'));
    expect(round(provider)).toBe('ebcd');
  });

  it('goes on with the new list when the client stays on its server', () => {
    const provider = new HostProvider(servers('abc'), unshuffled);
    provider.connected(server('a'));
    expect(provider.update(servers('xay'), server('a'))).toBe(false);
    expect(round(provider)).toBe('yxa');
  });

  it('remembers the server that was connected last over an update', () => {
    const provider = new HostProvider(servers('abc'), unshuffled);
    provider.connected(server('b'));
    expect(provider.update(servers('abd'), null)).toBe(false);
    expect(provider.update(servers('bcd'), null)).toBe(false);
  });
});
