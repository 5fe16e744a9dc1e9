import { expect, it } from 'vitest';
import { isAnyGone, type RollCall } from './roll-call.js';

const before: RollCall = { names: ['a', 'b'], changes: 5 };

it.each([
  ['nothing has changed', ['a', 'b'], 5, false],
  ['one has come', ['a', 'b', 'c'], 6, false],
  ['one has gone', ['a'], 6, true],
  ['one has gone and one has come', ['a', 'c'], 7, true],
  ['one has come and gone in between', ['a', 'b'], 7, true],
  ['one has come, and another has come and gone', ['a', 'b', 'c'], 8, true],
  ['the directory was made anew with the same', ['a', 'b'], 2, true],
] as const)('when %s: %j at change %i', (_, names, changes, isGone) => {
  expect(isAnyGone(before, { names, changes })).toBe(isGone);
});
