import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/seeded-random.js';
import type { ServerAddress } from './connect-string.js';
import { HostProvider } from './host-provider.js';

/** Leaves a list in its order when shuffling. */
const unshuffled = (): number => 0.999_999;
const server = (host: string): ServerAddress => ({ host, port: 2181 });
const servers = (hosts: string): ServerAddress[] => [...hosts].map(server);

/** Hosts and pauses of the next attempts: `a b c *a` pauses before the second `a`. */
function attempts(provider: HostProvider, count: number): string {
  return Array.from({ length: count }, () => provider.next())
    .map(({ server: { host }, wentRound }) => (wentRound ? `*${host}` : host))
    .join(' ');
}

describe('HostProvider', () => {
  it('goes round, and pauses when it is back at the start of the list', () => {
    expect(attempts(new HostProvider(servers('abc'), unshuffled), 8)).toBe('a b c *a b c *a b');
    expect(attempts(new HostProvider(servers('a'), unshuffled), 3)).toBe('a *a *a');
  });

  it('pauses when it is back at the server that it was connected to last', () => {
    const provider = new HostProvider(servers('abc'), unshuffled);
    expect(attempts(provider, 2)).toBe('a b');
    provider.connected(server('b'));
    expect(attempts(provider, 6)).toBe('c a *b c a *b');
  });

  it('shuffles the list once, every order as likely as any other', () => {
    const random = seededRandom(1);
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = attempts(new HostProvider(servers('abc'), random), 3);
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
      if (!before.includes(provider.next().server.host)) toNew++;
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
      const mine = provider.next().server;
      provider.connected(mine);
      const now = provider.update(servers('abcde'), mine) ? provider.next().server : mine;
      load.set(now.host, (load.get(now.host) ?? 0) + 1);
    }
    for (const count of load.values()) expect(Math.abs(count / rounds - 1 / 5)).toBeLessThan(0.015);
    expect(load.size).toBe(5);
  });

  it('tries each server once while on the move, then goes round with a pause', () => {
    const provider = new HostProvider(servers('ab'), unshuffled);
    provider.connected(server('a'));
    expect(provider.update(servers('bcde'), server('a'))).toBe(true);
    const first = attempts(provider, 4);
    expect(first).not.toContain('*');
    expect(first.split(' ').sort()).toEqual(['b', 'c', 'd', 'e']);
    expect(attempts(provider, 5)).toBe('*b c d e *b');
  });

  it('ends the move with the first success', () => {
    const provider = new HostProvider(servers('ab'), unshuffled);
    provider.connected(server('a'));
    provider.update(servers('bcde'), server('a'));
    provider.connected(server('d'));
    expect(attempts(provider, 4)).toBe('e b c *d');
  });

  it('goes on with the new list where nobody moves', () => {
    const provider = new HostProvider(servers('abc'), unshuffled);
    provider.connected(server('a'));
    expect(provider.update(servers('xay'), server('a'))).toBe(false);
    expect(attempts(provider, 3)).toBe('y x *a');
    expect(provider.size).toBe(3);
  });
});
