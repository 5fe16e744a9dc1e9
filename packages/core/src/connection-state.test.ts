import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConnectionEvent, type ConnectionState, transition, UNCONNECTED } from './connection-state.js';

function announced(events: readonly ConnectionEvent[]): (ConnectionState | null)[] {
  const states: (ConnectionState | null)[] = [];
  let view = UNCONNECTED;
  for (const event of events) {
    const next = transition(view, event);
    if (next !== view) states.push(next.state);
    view = next;
  }
  return states;
}

const event = fc.constantFrom<ConnectionEvent>('connected', 'connected-read-only', 'disconnected', 'lost');

describe('connection state', () => {
  it('is CONNECTED first and RECONNECTED ever after', () => {
    expect(announced(['connected', 'disconnected', 'connected', 'disconnected', 'connected'])).toEqual([
      'CONNECTED',
      'SUSPENDED',
      'RECONNECTED',
      'SUSPENDED',
      'RECONNECTED',
    ]);
  });

  it('is CONNECTED when a read-write server is found after a read-only one', () => {
    expect(announced(['connected-read-only', 'disconnected', 'connected'])).toEqual([
      'READ_ONLY',
      'SUSPENDED',
      'CONNECTED',
    ]);
    expect(announced(['connected', 'connected-read-only', 'connected'])).toEqual([
      'CONNECTED',
      'READ_ONLY',
      'RECONNECTED',
    ]);
  });

  it('swallows SUSPENDED after LOST', () => {
    expect(announced(['connected', 'disconnected', 'lost', 'disconnected', 'lost', 'connected'])).toEqual([
      'CONNECTED',
      'SUSPENDED',
      'LOST',
      'RECONNECTED',
    ]);
  });

  it('says nothing before the first connection', () => {
    expect(announced(['disconnected', 'disconnected', 'connected'])).toEqual(['CONNECTED']);
  });

  it('never announces a state twice in a row, nor CONNECTED twice at all, nor SUSPENDED after LOST', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => {
        const states = announced(events);
        states.forEach((state, index) => {
          expect(state).not.toBe(states[index + 1]);
          if (state === 'LOST') expect(states[index + 1]).not.toBe('SUSPENDED');
        });
        expect(states.filter((state) => state === 'CONNECTED').length).toBeLessThanOrEqual(1);
      }),
    );
  });
});
