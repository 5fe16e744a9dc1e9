import { ConnectionLossError, SessionExpiredError } from '@zk-recipes/core';
import type { DumpedZnode } from '@zk-recipes/test-server';
import { describe, expect, it } from 'vitest';
import { type Outcome, Performance, type Remains } from './every-request-performance.js';
import type { Scenario } from './every-request-scenario.js';
import { describeSeen, isOfRecipe, isSame, isWrite, type SeenRequest, withoutChance } from './every-request-seen.js';

export type { Play, Scenario, World } from './every-request-scenario.js';

/*
 * What must hold whatever happens, tried at every single request of a scenario, without any chance: one test for each request
 * and each thing that may happen at it, each on a server of its own within this process.
 *
 *   await describeEveryRequest({
 *     name: 'enrol, hold, release',
 *     prepare: ({ subject, path, signal }) => {
 *       let hold: MemberHold | undefined;
 *       return {
 *         act: async () => {
 *           hold = new MemberHold(await enrol(subject, path, { name: 'lock-', signal }));
 *           return hold.state;
 *         },
 *         settle: async () => await hold?.release(),
 *       };
 *     },
 *   });
 *
 * - It is awaited at the top level of a test file: a rehearsal, in which nothing happens, tells which requests there are.
 * - `act` must send the same requests each time. Where others take part, it waits for the server (`untilSent`, `untilWatches`), never for
 *   time. Its result says what its user would notice: how often something was called, in what order, who came first.
 * - What `settle` does not undo, nor anybody in the background, is a leak: znodes, watches, listeners.
 * - Recipes that take no signal are closed by it: `signal.addEventListener('abort', () => void latch.close())`.
 */

/** What a run without any fault is like. */
export interface Rehearsal<Result> {
  readonly requests: readonly SeenRequest[];
  readonly calls: readonly SeenRequest[];
  /** Requests at whose arrival the server has a container that it may remove. */
  readonly reapable: readonly SeenRequest[];
  readonly outcome: Outcome<Result>;
  /** Before `act`, right after it, and in the end. */
  readonly before: Remains;
  readonly after: Remains;
  readonly end: Remains;
}

/** Runs a scenario without any fault. */
export async function rehearse<Result>(scenario: Scenario<Result>): Promise<Rehearsal<Result>> {
  return await Performance.of(scenario, async (run) => {
    const before = await run.remains();
    const reapable: SeenRequest[] = [];
    run.followCalls(() => {});
    const outcome = await run.act((request) => {
      if (run.server.dump().some(isReapable)) reapable.push(request);
    });
    if (outcome.kind === 'rejected') throw outcome.error;
    await run.calm();
    const [requests, calls] = [[...run.requests.seen], [...run.calls.seen]];
    const after = await run.remains();
    await run.settle();
    await run.calm();
    const end = await run.remains();
    return { requests, calls, reapable, outcome, before, after, end };
  });
}

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
      if (isWrite(request) && !scenario.unknown?.(request)) {
        it(`reply to ${name} is lost, and the next one`, () => rows.loss(request, ['reply', 'reply']));
        it(`${name} is lost, and the next reply`, () => rows.loss(request, ['request', 'reply']));
      }
      it(`${name} is throttled`, () => rows.throttling(request));
      it(`session expires before ${name}`, () => rows.expiry(request, 'request'));
      it(`session expires after ${name}`, () => rows.expiry(request, 'reply'));
      it(`aborted when ${name} arrives`, () => rows.abortOnArrival(request));
    }
    for (const request of rehearsal.reapable) {
      it(`containers are reaped before ${describeSeen(request)}`, () => rows.reaping(request));
    }
    for (const call of rehearsal.calls) {
      it(`aborted at the answer to ${describeSeen(call)}`, () => rows.abortOnAnswer(call));
    }
    it('aborted before it begins', () => rows.abortBefore());
  });
}

/** What of an exchange gets lost. */
type Part = 'request' | 'reply';

/** Turns of the microtask queue after an answer, each a moment at which somebody who awaited something goes on. */
const MOMENTS = [0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 'next turn'] as const;

/** What each kind of test does. */
class Rows<Result> {
  readonly #scenario: Scenario<Result>;
  readonly #rehearsal: Rehearsal<Result>;

  constructor(scenario: Scenario<Result>, rehearsal: Rehearsal<Result>) {
    this.#scenario = scenario;
    this.#rehearsal = rehearsal;
  }

  async nothing(): Promise<void> {
    await this.#perform(async (run) => {
      this.#expectSame(await run.act());
      await run.calm();
      expect(run.requests.seen).toEqual(this.#rehearsal.requests);
      await run.settle();
      await run.expectRemains(this.#rehearsal.end, exactly);
    });
  }

  /** What is lost, one after the other: the request and then whatever comes next of the same session. */
  async loss(request: SeenRequest, [what, next]: readonly [Part, Part?]): Promise<void> {
    const unknown = this.#scenario.unknown?.(request) ?? false;
    await this.#perform(async (run) => {
      const happened: string[] = [];
      lose(run, what, request, () => {
        happened.push('once');
        if (next !== undefined) lose(run, next, null, () => happened.push('twice'));
      });
      const outcome = await run.act();
      await run.calm();
      expect(happened).toEqual(next === undefined ? ['once'] : ['once', 'twice']);
      if (unknown) expectUnknown(outcome);
      else this.#expectSame(outcome);
      const { before, after, end } = this.#rehearsal;
      await run.expectRemains(unknown && what === 'request' ? before : after, exactly);
      await run.settle();
      await run.expectRemains(end, unknown ? bare : exactly);
    });
  }

  async throttling(request: SeenRequest): Promise<void> {
    await this.#perform(async (run) => {
      let happened = false;
      void run.server.faults.throttleOnce({ when: isThe(run, request) }).then(() => {
        happened = true;
      });
      this.#expectSame(await run.act());
      await run.calm();
      expect(happened).toBe(true);
      await run.settle();
      await run.expectRemains(this.#rehearsal.end, exactly);
    });
  }

  async expiry(request: SeenRequest, what: Part): Promise<void> {
    await this.#perform(async (run) => {
      const { sessionId } = run.subject;
      let happened = false;
      lose(run, what, request, () => {
        happened = run.server.expireSession(sessionId);
      });
      const outcome = await run.act();
      await run.calm();
      expect(happened).toBe(true);
      if (outcome.kind === 'resolved') this.#expectSame(outcome);
      else expect(this.#scenario.onExpiry ?? [SessionExpiredError]).toContain((outcome.error as Error).constructor);
      await run.settle();
      await run.expectRemains(this.#rehearsal.end, bare);
    });
  }

  async reaping(request: SeenRequest): Promise<void> {
    await this.#perform(async (run) => {
      let reaped = 0;
      const outcome = await run.act((arrived) => {
        if (reaped === 0 && isSame(arrived, request)) reaped = reap(run);
      });
      await run.calm();
      expect(reaped).toBeGreaterThan(0);
      this.#expectSame(outcome);
      await run.settle();
      await run.expectRemains(this.#rehearsal.end, bare);
    });
  }

  async abortBefore(): Promise<void> {
    await this.#perform(async (run) => {
      const reason = new Error('before it began');
      run.caller.abort(reason);
      expect(await run.act()).toEqual({ kind: 'rejected', error: reason });
      await run.settle();
      await run.expectRemains(this.#rehearsal.end, bare);
    });
  }

  async abortOnArrival(request: SeenRequest): Promise<void> {
    const heeds = this.#scenario.heeds ?? (({ operation }) => !['delete', 'removeWatches'].includes(operation));
    await this.#perform(async (run) => {
      const reason = new Error(`when ${describeSeen(request)} arrived`);
      const outcome = await run.act((arrived) => {
        if (isSame(arrived, request)) run.caller.abort(reason);
      });
      await run.calm();
      expect(run.caller.signal.aborted).toBe(true);
      if (heeds(request)) expect(outcome).toEqual({ kind: 'rejected', error: reason });
      else this.#expectSameOrAborted(outcome, reason);
      await run.settle();
      await run.expectRemains(this.#rehearsal.end, bare);
    });
  }

  async abortOnAnswer(call: SeenRequest): Promise<void> {
    for (const moment of MOMENTS) {
      await this.#perform(async (run) => {
        const reason = new Error(`at the answer to ${describeSeen(call)}, ${moment}`);
        let happened = false;
        run.followCalls((answered) => {
          if (!isSame(answered, call)) return;
          happened = true;
          atMoment(moment, () => run.caller.abort(reason));
        });
        const outcome = await run.act();
        await run.calm();
        expect(happened).toBe(true);
        this.#expectSameOrAborted(outcome, reason);
        await run.settle();
        await run.expectRemains(this.#rehearsal.end, bare);
      });
    }
  }

  async #perform(work: (run: Performance<Result>) => Promise<void>): Promise<void> {
    await Performance.of(this.#scenario, work);
  }

  #expectSame(outcome: Outcome<Result>): void {
    expect(withoutChance(outcome)).toEqual(withoutChance(this.#rehearsal.outcome));
  }

  #expectSameOrAborted(outcome: Outcome<Result>, reason: Error): void {
    if (outcome.kind === 'rejected') expect(outcome.error).toBe(reason);
    else this.#expectSame(outcome);
  }
}

function expectUnknown<Result>(outcome: Outcome<Result>): void {
  expect(outcome).toMatchObject({ kind: 'rejected', error: { outcome: 'unknown' } });
  expect((outcome as { error: unknown }).error).toBeInstanceOf(ConnectionLossError);
}

/** Loses a request of the subject's, or its reply: this one, or the next where it is `null`. */
function lose<R>(run: Performance<R>, what: Part, request: SeenRequest | null, then: () => void): void {
  const { faults } = run.server;
  const fault = { when: isThe(run, request) };
  void (what === 'reply' ? faults.dropReplyOnce(fault) : faults.dropRequestOnce(fault)).then(then);
}

/** Tells a request of the subject's from others; faults look at it when it has been written down. */
function isThe<R>({ requests, subject }: Performance<R>, wanted: SeenRequest | null) {
  return (request: Parameters<typeof isOfRecipe>[0]): boolean => {
    if (request.sessionId !== subject.sessionId || !isOfRecipe(request)) return false;
    const last = requests.seen.at(-1);
    return wanted === null || (last !== undefined && isSame(last, wanted));
  };
}

function isReapable({ kind, stat }: DumpedZnode): boolean {
  return kind === 'container' && stat.numChildren === 0;
}

/** Has the server remove its empty containers now; returns how many there were. */
function reap<R>({ server, clock }: Performance<R>): number {
  const count = server.dump().filter(isReapable).length;
  clock.advance(1_000);
  return count;
}

function atMoment(moment: (typeof MOMENTS)[number], work: () => void): void {
  if (moment === 'next turn') setImmediate(work);
  else if (moment === 0) work();
  else queueMicrotask(() => atMoment((moment - 1) as never, work));
}

/** Everything counts: what was done once must not have been done twice. */
function exactly(remains: Remains): Remains {
  return remains;
}

/** Empty containers do not count, since the server removes them, and neither does how often something changed. */
function bare({ tree, ...remains }: Remains): Remains {
  const isInhabited = (line: string): boolean => {
    const [path, kind] = line.split(' ');
    return kind !== 'container' || tree.some((other) => other.startsWith(`${path}/`) && !other.includes(' container'));
  };
  return { ...remains, tree: tree.filter(isInhabited).map((line) => line.replace(/ v\d+ c\d+$/, '')) };
}
