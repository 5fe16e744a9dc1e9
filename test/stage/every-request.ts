import { describe, it } from 'vitest';
import { rehearse } from './every-request-rehearsal.js';
import { Rows } from './every-request-rows.js';
import type { Scenario } from './every-request-scenario.js';
import { describeSeen, isWrite } from './every-request-seen.js';

export type { Scenario, World } from './every-request-scenario.js';

/*
 * What must hold whatever happens, tried at every single request of a scenario, without any chance: one test for each request
 * and each thing that may happen at it, each on a server of its own within this process.
 *
 *   await describeEveryRequest({
 *     name: 'enrol',
 *     prepare: ({ subject, path, signal }) => {
 *       let member: Member | undefined;
 *       return {
 *         act: async () => {
 *           member = await enrol(subject, path, { name: 'lock-', signal });
 *           return member.path;
 *         },
 *         settle: async () => await member?.withdraw(),
 *       };
 *     },
 *   });
 *
 * - It is awaited at the top level of a test file: a rehearsal, in which nothing happens, tells which requests there are.
 * - `act` must send the same requests each time. Where others take part, it waits for the server (`untilSent`, `untilWatches`), never for
 *   time. Its result says what its user would notice: how often something was called, in what order, who came first.
 * - What `settle` does not undo, nor anybody in the background, is a leak: znodes, watches, listeners, background errors.
 * - Recipes that take no signal are closed by it: `signal.addEventListener('abort', () => void latch.close())`, and `act` then rejects
 *   with its reason. Whoever adds a listener removes it.
 * - `heeds`, `unknown`, `onExpiry`, `goesOn` and `atLeastOnce` say what is promised where it is not the usual.
 */

/** Tests of a scenario: everything that may happen, at every request. */
export async function describeEveryRequest<Result>(scenario: Scenario<Result>): Promise<void> {
  const rehearsal = await rehearse(scenario);
  const rows = new Rows(scenario, rehearsal);
  describe(scenario.name, { timeout: 20_000 }, () => {
    it('does the same every time, and leaves nothing', () => rows.nothing());
    for (const request of rehearsal.requests) {
      const name = describeSeen(request);
      it(`reply to ${name} is lost`, () => rows.loss(request, ['reply']));
      it(`${name} is lost`, () => rows.loss(request, ['request']));
      if (isWrite(request) && scenario.unknown === undefined) {
        it(`reply to ${name} is lost, and the next one`, () => rows.loss(request, ['reply', 'reply']));
        it(`${name} is lost, and the next reply`, () => rows.loss(request, ['request', 'reply']));
      }
      // A watch that is not wanted any more stays on a server that is too busy to remove it, and fires into the void.
      if (request.operation !== 'removeWatches') it(`${name} is throttled`, () => rows.throttling(request));
      it(`session expires before ${name}`, () => rows.expiry(request, 'request'));
      it(`session expires after ${name}`, () => rows.expiry(request, 'reply'));
      if (scenario.mayBeGivenUp && /^create/.test(request.operation)) {
        it(`session is given up after ${name}, and lives on`, () => rows.givingUp(request));
      }
      it(`aborted when ${name} arrives`, () => rows.abortOnArrival(request));
    }
    for (const request of rehearsal.reapable) {
      it(`containers are reaped before ${describeSeen(request)}`, () => rows.reaping(request));
    }
    for (const call of rehearsal.calls) {
      // The sync is the stage's, by which `untilSent` knows that everything has been answered.
      const isStill = call.operation === 'sync' && call.path === '/';
      const moment = isStill ? 'while everything is still, at' : 'at the answer to';
      it(`aborted ${moment} ${describeSeen(call)}`, () => rows.abortOnAnswer(call));
    }
    it('aborted before it begins', () => rows.abortBefore());
  });
}
