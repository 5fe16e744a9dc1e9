import { ConnectionLossError, SessionExpiredError } from '@zk-recipes/core';
import { expect } from 'vitest';
import { atMoment, faultAt, lose, MOMENTS, type Part, reap } from './every-request-faults.js';
import { inTime, type Outcome, Performance, type Remains } from './every-request-performance.js';
import type { Rehearsal } from './every-request-rehearsal.js';
import type { Scenario } from './every-request-scenario.js';
import { describeSeen, isSame, type SeenRequest, withoutChance } from './every-request-seen.js';
import { bare, exactly, unversioned } from './every-request-views.js';

/** Session timeout of a client that is to give up its session; it does after a third more. */
const GIVEN_UP_MS = 600;

/** What each kind of test does. */
export class Rows<Result> {
  readonly #scenario: Scenario<Result>;
  readonly #rehearsal: Rehearsal<Result>;
  /** How to look at what is left by a request that was sent again. */
  readonly #repeated: (remains: Remains) => Remains;

  constructor(scenario: Scenario<Result>, rehearsal: Rehearsal<Result>) {
    this.#scenario = scenario;
    this.#rehearsal = rehearsal;
    this.#repeated = scenario.atLeastOnce ? unversioned : exactly;
  }

  async nothing(): Promise<void> {
    await this.#perform(async (run) => {
      this.#expectSame(await run.act());
      await run.calm();
      expect(run.requests.seen).toEqual(this.#rehearsal.requests);
      await run.settle();
      await run.expectRemains(this.#rehearsal.end, exactly);
      run.expectFresh();
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
      await inTime(() => expect(happened).toEqual(next === undefined ? ['once'] : ['once', 'twice']));
      if (unknown) expectUnknown(outcome);
      else this.#expectSame(outcome);
      const { after, end, requests, trees } = this.#rehearsal;
      if (!unknown) await run.expectRemains(after, this.#repeated);
      else if (what === 'request') {
        const tree = trees[requests.findIndex((one) => isSame(one, request))] ?? [];
        await run.expectRemains({ ...after, tree }, bare);
      }
      await run.settle();
      await run.expectRemains(end, unknown ? bare : this.#repeated);
    });
  }

  async throttling(request: SeenRequest): Promise<void> {
    await this.#perform(async (run) => {
      let happened = false;
      void run.server.faults.throttleOnce(faultAt(run, request)).then(() => {
        happened = true;
      });
      this.#expectSame(await run.act());
      await run.calm();
      await inTime(() => expect(happened).toBe(true));
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
      await inTime(() => expect(happened).toBe(true));
      this.#expectSameOrExpired(outcome, request);
      await run.settle();
      await run.expectRemains(this.#rehearsal.end, bare);
    });
  }

  async givingUp(request: SeenRequest): Promise<void> {
    const { server, subject } = this.#scenario;
    const brief = {
      server: { ...server, minSessionTimeoutMs: GIVEN_UP_MS },
      subject: { ...subject, sessionTimeoutMs: GIVEN_UP_MS },
    };
    await this.#perform(async (run) => {
      const { sessionId } = run.subject;
      let happened = false;
      lose(run, 'reply', request, () => {
        run.server.faults.partition(sessionId);
        happened = true;
      });
      const outcome = await run.act();
      await run.calm();
      await inTime(() => expect(happened).toBe(true));
      expect(run.subject.sessionId).not.toBe(sessionId);
      // What counts is of the new session, and stands when the old one has come to its end.
      expect(run.server.expireSession(sessionId)).toBe(true);
      this.#expectSameOrExpired(outcome, request);
      if (outcome.kind === 'resolved') await run.expectRemains(this.#rehearsal.after, unversioned);
      await run.settle();
      await run.expectRemains(this.#rehearsal.end, bare);
    }, brief);
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
    const { requests, awaited } = this.#rehearsal;
    const isAwaited = requests.slice(0, awaited).some((one) => isSame(one, request));
    await this.#perform(async (run) => {
      const reason = new Error(`when ${describeSeen(request)} arrived`);
      const outcome = await run.act((arrived) => {
        if (isSame(arrived, request)) run.caller.abort(reason);
      });
      await run.calm();
      expect(run.caller.signal.aborted).toBe(true);
      await this.#expectAborted(run, outcome, { reason, isHeeded: isAwaited && this.#heeds(request) });
    });
  }

  async abortOnAnswer(call: SeenRequest): Promise<void> {
    const { calls } = this.#rehearsal;
    const later = calls.slice(calls.findIndex((one) => isSame(one, call)) + 1);
    const needsMore = this.#heeds(call) && later.some((one) => this.#heeds(one));
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
        await inTime(() => expect(happened).toBe(true));
        await this.#expectAborted(run, outcome, { reason, isHeeded: needsMore && moment === 0 });
      });
    }
  }

  /** @param isHeeded whether `act` cannot have been done before the signal aborted */
  async #expectAborted(
    run: Performance<Result>,
    outcome: Outcome<Result>,
    { reason, isHeeded }: { readonly reason: Error; readonly isHeeded: boolean },
  ): Promise<void> {
    if (outcome.kind === 'rejected') expect(outcome.error).toBe(reason);
    else {
      expect(isHeeded, 'resolves as if nobody had given up').toBe(false);
      this.#expectSame(outcome);
    }
    if (outcome.kind === 'rejected' && !this.#scenario.goesOn) await inTime(() => expect(run.watches()).toEqual([]));
    await run.settle();
    await run.expectRemains(this.#rehearsal.end, bare);
  }

  #heeds(request: SeenRequest): boolean {
    const { heeds } = this.#scenario;
    return heeds?.(request) ?? !['delete', 'removeWatches'].includes(request.operation);
  }

  async #perform(
    work: (run: Performance<Result>) => Promise<void>,
    change: Partial<Scenario<Result>> = {},
  ): Promise<void> {
    await Performance.of({ ...this.#scenario, ...change }, work);
  }

  #expectSame(outcome: Outcome<Result>): void {
    expect(withoutChance(outcome)).toEqual(withoutChance(this.#rehearsal.outcome));
  }

  #expectSameOrExpired(outcome: Outcome<Result>, request: SeenRequest): void {
    const { unknown, onExpiry = [SessionExpiredError] } = this.#scenario;
    if (outcome.kind === 'resolved') this.#expectSame(outcome);
    else if (unknown?.(request)) expectUnknown(outcome);
    else expect(onExpiry).toContain((outcome.error as Error).constructor);
  }
}

function expectUnknown<Result>(outcome: Outcome<Result>): void {
  expect(outcome).toMatchObject({ kind: 'rejected', error: { outcome: 'unknown' } });
  expect((outcome as { error: unknown }).error).toBeInstanceOf(ConnectionLossError);
}
