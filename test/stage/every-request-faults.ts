import type { ObservedRequest, OneFault } from '@zk-recipes/test-server';
import { isReapable, type Performance } from './every-request-performance.js';
import { isOfRecipe, isSame, type SeenRequest } from './every-request-seen.js';

/** What of an exchange gets lost. */
export type Part = 'request' | 'reply';

/** The next turn of the event loop. */
const NEXT_TURN = Number.POSITIVE_INFINITY;
/** Microtasks after an answer: with each of them somebody goes on who has awaited something. */
export const MOMENTS = [0, 1, 2, 3, 4, 5, 6, 8, 10, 13, NEXT_TURN];

/** Loses a request of the subject's, or its reply: this one, or the next where it is `null`. */
export function lose<R>(run: Performance<R>, what: Part, request: SeenRequest | null, happened: () => void): void {
  const { faults } = run.server;
  const fault = faultAt(run, request);
  void (what === 'reply' ? faults.dropReplyOnce(fault) : faults.dropRequestOnce(fault)).then(happened);
}

/** Means a request of the subject's, or the next: faults look at one when it has been written down. */
export function faultAt<R>({ requests, subject }: Performance<R>, wanted: SeenRequest | null): OneFault {
  const when = (request: ObservedRequest): boolean => {
    if (request.sessionId !== subject.sessionId || !isOfRecipe(request)) return false;
    const last = requests.seen.at(-1);
    return wanted === null || (last !== undefined && isSame(last, wanted));
  };
  return { when };
}

/** Has the server remove its empty containers now; returns how many there were. */
export function reap<R>({ server, clock }: Performance<R>): number {
  const count = server.dump().filter(isReapable).length;
  clock.advance(1_000);
  return count;
}

/** Does something so many microtasks from now. */
export function atMoment(moment: number, work: () => void): void {
  if (moment === NEXT_TURN) setImmediate(work);
  else if (moment === 0) work();
  else queueMicrotask(() => atMoment(moment - 1, work));
}
