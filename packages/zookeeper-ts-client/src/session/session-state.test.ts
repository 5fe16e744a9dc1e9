import { describe, expect, it } from 'vitest';
import type { SessionExpiredError } from '../errors/errors.js';
import type { ConnectResponse } from '../protocol/handshake.js';
import { endError, type SessionEffect, type SessionEvent, type SessionState, transition } from './session-state.js';

const server = { host: 'zk1', port: 2181, address: '10.0.0.1' };
const cause = new Error('cable pulled');
const passwd = new Uint8Array(16).fill(7);
const identity = { id: 5n, passwd };
const accepted: ConnectResponse = { protocolVersion: 0, timeOut: 6000, sessionId: 9n, passwd, readOnly: false };
const readOnly: ConnectResponse = { ...accepted, readOnly: true };
const same: ConnectResponse = { ...accepted, sessionId: identity.id };
const gone: ConnectResponse = { ...accepted, timeOut: 0, sessionId: 0n, passwd: new Uint8Array(16) };

const states = {
  idle: { phase: 'idle', identity: null },
  pausing: { phase: 'pausing', identity },
  opening: { phase: 'opening', identity, server },
  'opening the first': { phase: 'opening', identity: null, server },
  'opening after read-only': { phase: 'opening', identity: { id: 0n, passwd }, server },
  verifying: { phase: 'verifying', identity, server },
  connected: { phase: 'connected', identity, server, readOnly: false },
  closing: { phase: 'closing', identity, server },
  ended: { phase: 'ended', identity, end: { reason: 'expired', expiry: 'server' } },
} satisfies Record<string, SessionState>;

const events = {
  start: { type: 'start' },
  attempt: { type: 'attempt', server },
  opened: { type: 'opened' },
  accepted: { type: 'responded', response: accepted, inDoubt: false },
  'accepted as asked': { type: 'responded', response: same, inDoubt: false },
  'accepted in doubt': { type: 'responded', response: accepted, inDoubt: true },
  'accepted read-only': { type: 'responded', response: readOnly, inDoubt: false },
  'accepted read-only in doubt': { type: 'responded', response: readOnly, inDoubt: true },
  'another protocol': { type: 'responded', response: { ...same, protocolVersion: 42 }, inDoubt: false },
  gone: { type: 'responded', response: gone, inDoubt: false },
  verified: { type: 'verified' },
  lost: { type: 'lost', cause },
  silent: { type: 'silent', cause },
  'auth-refused': { type: 'auth-refused', message: 'wrong password' },
  close: { type: 'close' },
  closed: { type: 'closed' },
} satisfies Record<string, SessionEvent>;

type StateName = keyof typeof states;
type EventName = keyof typeof events;

/** An effect in a word. */
function word(effect: SessionEffect): string {
  switch (effect.type) {
    case 'announce':
      return `announce ${effect.state}`;
    case 'end':
      return `end ${effect.end.reason}${effect.end.reason === 'expired' ? ` (${effect.end.expiry})` : ''}`;
    case 'drop':
      return effect.established ? 'drop established' : 'drop';
    default:
      return effect.type;
  }
}

const ends = (reason: string): string => `drop, end ${reason}, announce ${reason}`;
const expires = (expiry: string): string => `drop, end expired (${expiry}), announce expired`;
const accepts = 'accept, restore, announce connected';

/** The rows of the table. What is not here has no effect. */
const rows: readonly [StateName, EventName, SessionState['phase'], string][] = [
  ['idle', 'start', 'pausing', 'pause, announce connecting'],
  ['idle', 'close', 'ended', ends('closed')],
  ['idle', 'closed', 'ended', ends('closed')],
  ['pausing', 'attempt', 'opening', 'open'],
  ['pausing', 'silent', 'ended', expires('silence')],
  ['pausing', 'close', 'ended', ends('closed')],
  ['pausing', 'closed', 'ended', ends('closed')],
  ...(['opening', 'opening the first', 'opening after read-only'] as const).flatMap(
    (name): [StateName, EventName, SessionState['phase'], string][] => [
      [name, 'opened', 'opening', 'send-connect-request'],
      [name, 'another protocol', 'pausing', 'drop, pause'],
      [name, 'accepted read-only', 'connected', `${accepts}-read-only`],
      [name, 'accepted read-only in doubt', 'connected', `${accepts}-read-only`],
      [name, 'lost', 'pausing', 'drop, pause'],
      [name, 'close', 'ended', ends('closed')],
      [name, 'closed', 'ended', ends('closed')],
    ],
  ),
  ['opening', 'accepted as asked', 'connected', accepts],
  ['opening', 'accepted', 'ended', `decline, ${expires('replaced')}`],
  ['opening', 'accepted in doubt', 'ended', `decline, ${expires('replaced')}`],
  ['opening', 'gone', 'ended', expires('server')],
  ['opening', 'silent', 'ended', expires('silence')],
  ...(['opening the first', 'opening after read-only'] as const).flatMap(
    (name): [StateName, EventName, SessionState['phase'], string][] => [
      [name, 'accepted', 'connected', accepts],
      [name, 'accepted as asked', 'connected', accepts],
      [name, 'accepted in doubt', 'verifying', 'accept, verify'],
      [name, 'gone', 'pausing', 'drop, pause'],
    ],
  ),
  ['verifying', 'verified', 'connected', 'restore, announce connected'],
  ['verifying', 'lost', 'pausing', 'drop, pause'],
  ['verifying', 'auth-refused', 'ended', ends('auth-failed')],
  ['verifying', 'close', 'closing', 'send-close'],
  ['verifying', 'closed', 'ended', ends('closed')],
  ['connected', 'lost', 'pausing', 'drop established, pause, announce disconnected'],
  ['connected', 'auth-refused', 'ended', ends('auth-failed')],
  ['connected', 'close', 'closing', 'send-close'],
  ['connected', 'closed', 'ended', ends('closed')],
  ['closing', 'closed', 'ended', ends('closed')],
  ['closing', 'lost', 'ended', ends('closed')],
  ['closing', 'auth-refused', 'ended', ends('closed')],
];

describe('transition', () => {
  it.each(rows)('%s, %s: %s', (from, event, phase, effects) => {
    const { state, effects: done } = transition(states[from], events[event]);
    expect(state.phase).toBe(phase);
    expect(done.map(word).join(', ')).toBe(effects);
  });

  const others = (Object.keys(states) as StateName[])
    .flatMap((state) => (Object.keys(events) as EventName[]).map((event) => [state, event] as const))
    .filter(([state, event]) => !rows.some((row) => row[0] === state && row[1] === event));

  it.each(others)('%s, %s: nothing', (state, event) => {
    expect(transition(states[state], events[event])).toEqual({ state: states[state], effects: [] });
  });

  it('keeps the identity that a server gave, through losses', () => {
    const connected = transition(states['opening the first'], events.accepted).state;
    expect(connected.identity).toEqual({ id: 9n, passwd });
    expect(transition(connected, events.lost).state.identity).toEqual({ id: 9n, passwd });
  });

  it('asks for a new session after a read-only server has made one up', () => {
    expect(transition(states['opening the first'], events['accepted read-only']).state.identity?.id).toBe(0n);
    expect(transition(states['opening after read-only'], events['accepted read-only']).state.identity?.id).toBe(0n);
  });

  it('keeps the session that a read-write server knows while it is on a read-only one', () => {
    expect(transition(states.opening, events['accepted read-only']).state.identity).toEqual(identity);
  });

  it('says in the error which session was asked for and which one came', () => {
    const { state } = transition(states.opening, events.accepted);
    if (state.phase !== 'ended') throw new Error('the session lives');
    const error = endError(state.end) as SessionExpiredError;
    expect(error).toMatchObject({ expiry: 'replaced', message: expect.stringContaining('granted another session') });
    expect(error.cause).toMatchObject({ message: 'expected session 0x5 in the handshake, got session 0x9' });
  });
});
