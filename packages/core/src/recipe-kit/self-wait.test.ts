import { expect, it } from 'vitest';
import { SelfWaitError } from '../errors.js';
import { refuseSelfWait, runOnBehalfOf } from './self-wait.js';

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** An ending that waits for a function that is given it. */
function endingOf(fn: (ending: () => Promise<string>) => Promise<unknown>): Promise<string> {
  const owner = {};
  const working: Promise<unknown> = runOnBehalfOf(owner, () => fn(() => ending));
  const end: Promise<string> = working.then(
    () => 'ended',
    () => 'failed',
  );
  const ending: Promise<string> = refuseSelfWait(owner, 'close() of it', end);
  return ending;
}

it.each([
  ['awaits it', async (ending: () => Promise<string>) => await ending()],
  ['awaits it together with others', async (ending: () => Promise<string>) => await Promise.all([turn(), ending()])],
  ['awaits it by another function', async (ending: () => Promise<string>) => await (async () => await ending())()],
  ['awaits it in a function of another owner', (ending: () => Promise<string>) => runOnBehalfOf({}, ending)],
])('a function that %s gets a SelfWaitError, and all others the end', async (_, wait) => {
  let refusal: unknown;
  const ending = endingOf(async (own) => {
    await turn();
    await wait(own).catch((error: unknown) => {
      refusal = error;
    });
  });
  expect(await ending).toBe('ended');
  expect(refusal).toBeInstanceOf(SelfWaitError);
  expect(String(refusal)).toContain('close() of it');
});

it('a function that has something wait for it, and ends, is not refused', async () => {
  let later: Promise<string> | undefined;
  const ending = endingOf(async (own) => {
    await turn();
    later = (async () => await own())();
  });
  expect(await ending).toBe('ended');
  expect(await later).toBe('ended');
});

it('is a promise as any other outside of the function', async () => {
  const failure = new Error('failed');
  const refused = refuseSelfWait({}, 'it', Promise.reject(failure));
  expect(refused).toBeInstanceOf(Promise);
  expect(await refused.catch((error: unknown) => error)).toBe(failure);
  expect(await refuseSelfWait({}, 'it', Promise.resolve(1)).finally(() => {})).toBe(1);
  expect(await Promise.all([refuseSelfWait({}, 'it', Promise.resolve(2))])).toEqual([2]);
});
