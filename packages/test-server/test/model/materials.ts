import fc from 'fast-check';
import type { Acl } from 'zookeeper-ts-client/protocol';
import { digestOf } from '../../src/access-control.js';

/** What a sequence of the model test is bound to when it runs. */
export interface StepScope {
  /** A path that only this sequence uses; the paths of its steps lie below. */
  readonly root: string;
  /** The server's last transaction when the sequence began. */
  readonly baseZxid: bigint;
}

/** Paths below the root of a sequence; few, so that the steps meet. */
const goodPath = fc.constantFrom('/a', '/b', '/a/x', '/a/y', '/b/x', '/a/x/z');
const oddPath = fc.constantFrom('', '/', '/a/', '//b', '/a/./x', '/a/..', '/a\u0001', '/a\u0000', '/ü', '/a/x/z/w/v');
const relativePath = fc.oneof({ weight: 12, arbitrary: goodPath }, { weight: 1, arbitrary: oddPath });
/** A path as it is sent: mostly below the root of the sequence. */
export const path = fc.oneof(
  { weight: 30, arbitrary: relativePath.map((below) => ({ below, isAbsolute: false })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('', 'a', 'a/b', '/zookeeper/config', '/zookeeper/quota', '/missing/x', '/zookeeper')
      .map((below) => ({ below, isAbsolute: true })),
  },
);
type Path = typeof path extends fc.Arbitrary<infer T> ? T : never;
export const whole = ({ below, isAbsolute }: Path, { root }: StepScope) => (isAbsolute ? below : root + below);

const entry = (perms: number, scheme: string, id: string): Acl => ({ perms, id: { scheme, id } });
export const anyone = entry(31, 'world', 'anyone');
export const entries = fc.constantFrom(
  anyone,
  entry(1, 'world', 'anyone'),
  entry(30, 'world', 'anyone'),
  entry(15, 'world', 'anyone'),
  entry(31, 'auth', ''),
  entry(31, 'digest', digestOf('ann:pw')),
  entry(1, 'digest', digestOf('bob:pw')),
  entry(31, 'ip', '127.0.0.1'),
  entry(31, 'ip', '10.0.0.0/8'),
  entry(7, 'ip', '127.0.0.0/8'),
  entry(0, 'world', 'anyone'),
);
const badEntries = fc.constantFrom(
  entry(31, 'world', 'someone'),
  entry(31, 'nobody', 'x'),
  entry(31, 'digest', 'ann'),
  entry(31, 'digest', 'ann:'),
  entry(31, 'digest', ':x:'),
  entry(31, 'ip', '1.2.3'),
  entry(31, 'ip', '1.2.3.4/33'),
  entry(31, 'ip', '1.2.3.400'),
);
export const acl = fc.oneof(
  { weight: 14, arbitrary: fc.constant([anyone]) },
  { weight: 6, arbitrary: fc.array(entries, { minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.array(fc.oneof(entries, badEntries), { maxLength: 2 }) },
);

export const data = fc.option(
  fc.string({ maxLength: 6 }).map((text) => Buffer.from(text)),
  { freq: 6 },
);
export const version = fc.oneof(
  { weight: 5, arbitrary: fc.constant(-1) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 3 }) },
);
export const flags = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(0, 0, 0, 1, 1, 2, 3) },
  { weight: 1, arbitrary: fc.constantFrom(4, 5, 6, 7, -1) },
);
export const ttl = fc.constantFrom(1_000_000, 0, -1, 0xff_ffff_ffff, 0x100_0000_0000);
