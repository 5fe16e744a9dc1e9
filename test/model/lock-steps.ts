import fc from 'fast-check';
import { type LockName, lockNames, type Manner, manners, type Want, wants } from './wants.js';

/** Keepers, each of which has two contenders. The last one has a session that ends after a short silence. */
export const KEEPERS = 4;
export const CONTENDERS = 8;

/** What is done next. A contender is one of those with whom it makes sense at that moment, by number; if there is none, nothing is done. */
export type Action =
  | { readonly kind: 'begin'; readonly contender: number; readonly want: Want; readonly manner: Manner }
  | { readonly kind: 'release' | 'abort' | 'downgrade'; readonly contender: number }
  | { readonly kind: 'revoke'; readonly keeper: number; readonly lock: LockName; readonly isForced: boolean }
  | { readonly kind: 'expire' | 'disconnect'; readonly keeper: number }
  | { readonly kind: 'drop'; readonly keeper: number; readonly what: 'reply' | 'request' }
  | { readonly kind: 'limit'; readonly leases: number }
  | { readonly kind: 'delete'; readonly index: number }
  | { readonly kind: 'silence'; readonly direction: 'to-server' | 'both' }
  | { readonly kind: 'disconnectAll' | 'restart' };

/** An action, and how long it is let be before the next one. */
export interface Step {
  readonly action: Action;
  /** Turns of the event loop; `calm`: until nothing moves any more and everybody has what is due. */
  readonly pause: number | 'calm';
}

const contender = fc.nat({ max: CONTENDERS - 1 });
const keeper = fc.nat({ max: KEEPERS - 1 });

function action<Kind extends Action['kind'], Rest extends object>(
  weight: number,
  kind: Kind,
  rest: { readonly [Key in keyof Rest]: fc.Arbitrary<Rest[Key]> },
): { weight: number; arbitrary: fc.Arbitrary<{ kind: Kind } & Rest> } {
  const arbitrary = fc.record({ kind: fc.constant(kind), ...rest }) as fc.Arbitrary<unknown>;
  return { weight, arbitrary: arbitrary as fc.Arbitrary<{ kind: Kind } & Rest> };
}

// The first is what a sequence shrinks to.
const actions: fc.Arbitrary<Action> = fc.oneof(
  { withCrossShrink: true },
  action(14, 'begin', { contender, want: wants, manner: manners }),
  action(9, 'release', { contender }),
  action(3, 'abort', { contender }),
  action(3, 'downgrade', { contender }),
  action(1, 'revoke', { keeper, lock: lockNames, isForced: fc.boolean() }),
  action(1, 'expire', { keeper }),
  action(2, 'disconnect', { keeper }),
  action(4, 'drop', { keeper, what: fc.constantFrom('reply', 'request') }),
  action(1, 'limit', { leases: fc.nat({ max: 3 }) }),
  action(1, 'delete', { index: fc.nat({ max: 20 }) }),
  action(1, 'silence', { direction: fc.constantFrom('both', 'to-server') }),
  action(1, 'disconnectAll', {}),
  action(1, 'restart', {}),
);

const pauses: fc.Arbitrary<Step['pause']> = fc.oneof(
  { weight: 3, arbitrary: fc.constant('calm' as const) },
  { weight: 7, arbitrary: fc.constantFrom(0, 1, 2, 3, 5, 8, 13) },
);

/** Any sequence. */
export const sequences: fc.Arbitrary<Step[]> = fc.array(fc.record({ action: actions, pause: pauses }), {
  minLength: 1,
  maxLength: 50,
  size: 'max',
});
