import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PendingRequest, RequestQueue } from './pending-requests.js';

const requestNamed = (xid: number): PendingRequest => ({
  name: 'exists',
  opCode: 3,
  description: 'exists /',
  xid,
  sentAt: { monotonicMs: 0, wallMs: 0 },
  bytes: 0,
  mayRepeat: false,
  parts: 1,
  write: () => {},
  reply: () => {},
  lose: () => {},
  fail: () => {},
});

describe('RequestQueue', () => {
  it('behaves as an array does, whatever is done to it', () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ do: fc.constant('push' as const), count: fc.integer({ min: 1, max: 900 }) }),
      },
      {
        weight: 6,
        arbitrary: fc.record({ do: fc.constant('shift' as const), count: fc.integer({ min: 1, max: 900 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant('unshift' as const), count: fc.integer({ min: 1, max: 3 }) }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), count: fc.nat(2000) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('drain' as const), count: fc.constant(0) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const queue = new RequestQueue();
        let model: PendingRequest[] = [];
        let xid = 0;
        for (const { do: what, count } of steps) {
          if (what === 'push') {
            for (let i = 0; i < count; i++) {
              const request = requestNamed(++xid);
              queue.push(request);
              model.push(request);
            }
          } else if (what === 'shift') {
            for (let i = 0; i < count; i++) expect(queue.shift()).toBe(model.shift());
          } else if (what === 'unshift') {
            for (let i = 0; i < count; i++) {
              const request = requestNamed(++xid);
              queue.unshift(request);
              model.unshift(request);
            }
          } else if (what === 'remove') {
            const request = model[count] ?? requestNamed(0);
            expect(queue.remove(request)).toBe(model.includes(request));
            model = model.filter((one) => one !== request);
          } else {
            expect(queue.drain()).toEqual(model);
            model = [];
          }
          expect(queue.size).toBe(model.length);
          expect(queue.first).toBe(model[0]);
        }
      }),
      { numRuns: 50 },
    );
  });
});
