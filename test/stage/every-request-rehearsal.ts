import { isReapable, type Outcome, Performance, type Remains } from './every-request-performance.js';
import type { Scenario } from './every-request-scenario.js';
import type { SeenRequest } from './every-request-seen.js';

/** What a run without any fault is like. */
export interface Rehearsal<Result> {
  readonly requests: readonly SeenRequest[];
  /** How many of them had come when `act` was done; those after them are the background's. */
  readonly awaited: number;
  readonly calls: readonly SeenRequest[];
  /** Requests at whose arrival the server has a container that it may remove. */
  readonly reapable: readonly SeenRequest[];
  /** The tree at the arrival of each request. */
  readonly trees: readonly Remains['tree'][];
  readonly outcome: Outcome<Result>;
  /** Right after `act`, and in the end. */
  readonly after: Remains;
  readonly end: Remains;
}

/** Runs a scenario without any fault. */
export async function rehearse<Result>(scenario: Scenario<Result>): Promise<Rehearsal<Result>> {
  return await Performance.of(scenario, async (run) => {
    const reapable: SeenRequest[] = [];
    const trees: Remains['tree'][] = [];
    run.followCalls(() => {});
    const outcome = await run.act((request) => {
      if (run.server.dump().some(isReapable)) reapable.push(request);
      trees.push(run.tree());
    });
    if (outcome.kind === 'rejected') throw outcome.error;
    const calls = [...run.calls.seen];
    const awaited = run.requests.seen.length;
    await run.calm();
    const requests = [...run.requests.seen];
    const after = run.remains();
    await run.settle();
    await run.calm();
    const end = run.remains();
    return { requests, awaited, calls, reapable, trees, outcome, after, end };
  });
}
