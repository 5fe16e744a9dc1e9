import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { SessionExpiredError } from '../errors/errors.js';
import type { ConnectResponse } from '../protocol/handshake.js';
import type { Connection } from './connection.js';
import { endError, type SessionEffect, type SessionEvent, type SessionState, transition } from './session-state.js';

const server = { host: 'zk1', port: 2181, address: '10.0.0.1' };
/** Of it a transition asks nothing. */
const connection = { server } as Connection;
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
  connecting: { phase: 'connecting', identity, connection },
  'connecting the first': { phase: 'connecting', identity: null, connection },
  handshaking: { phase: 'handshaking', identity, connection },
  'handshaking the first': { phase: 'handshaking', identity: null, connection },
  'handshaking after read-only': { phase: 'handshaking', identity: { id: 0n, passwd }, connection },
  verifying: { phase: 'verifying', identity, connection },
  connected: { phase: 'connected', identity, connection, readOnly: false },
  closing: { phase: 'closing', identity, connection },
  ended: { phase: 'ended', identity, end: { reason: 'expired', expiry: 'server' } },
} satisfies Record<string, SessionState>;

const events = {
  start: { type: 'start' },
  attempt: { type: 'attempt', connection },
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
  ['pausing', 'attempt', 'connecting', ''],
  ...(['connecting', 'connecting the first'] as const).flatMap(
    (name): [StateName, EventName, SessionState['phase'], string][] => [
      [name, 'opened', 'handshaking', 'send-connect-request'],
      [name, 'lost', 'pausing', 'drop, pause'],
      [name, 'close', 'ended', ends('closed')],
      [name, 'closed', 'ended', ends('closed')],
    ],
  ),
  ['connecting', 'silent', 'ended', expires('silence')],
  ['pausing', 'silent', 'ended', expires('silence')],
  ['pausing', 'close', 'ended', ends('closed')],
  ['pausing', 'closed', 'ended', ends('closed')],
  ...(['handshaking', 'handshaking the first', 'handshaking after read-only'] as const).flatMap(
    (name): [StateName, EventName, SessionState['phase'], string][] => [
      [name, 'another protocol', 'pausing', 'drop, pause'],
      [name, 'accepted read-only', 'connected', `${accepts}-read-only`],
      [name, 'accepted read-only in doubt', 'connected', `${accepts}-read-only`],
      [name, 'lost', 'pausing', 'drop, pause'],
      [name, 'close', 'ended', ends('closed')],
      [name, 'closed', 'ended', ends('closed')],
    ],
  ),
  ['handshaking', 'accepted as asked', 'connected', accepts],
  ['handshaking', 'accepted', 'ended', `decline, ${expires('replaced')}`],
  ['handshaking', 'accepted in doubt', 'ended', `decline, ${expires('replaced')}`],
  ['handshaking', 'gone', 'ended', expires('server')],
  ['handshaking', 'silent', 'ended', expires('silence')],
  ...(['handshaking the first', 'handshaking after read-only'] as const).flatMap(
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
    const connected = transition(states['handshaking the first'], events.accepted).state;
    expect(connected.identity).toEqual({ id: 9n, passwd });
    expect(transition(connected, events.lost).state.identity).toEqual({ id: 9n, passwd });
  });

  it('asks for a new session after a read-only server has made one up', () => {
    expect(transition(states['handshaking the first'], events['accepted read-only']).state.identity?.id).toBe(0n);
    expect(transition(states['handshaking after read-only'], events['accepted read-only']).state.identity?.id).toBe(0n);
  });

  it('keeps the session that a read-write server knows while it is on a read-only one', () => {
    expect(transition(states.handshaking, events['accepted read-only']).state.identity).toEqual(identity);
  });

  it('says in the error which session was asked for and which one came', () => {
    const { state } = transition(states.handshaking, events.accepted);
    if (state.phase !== 'ended') throw new Error('the session lives');
    const error = endError(state.end) as SessionExpiredError;
    expect(error).toMatchObject({ expiry: 'replaced', message: expect.stringContaining('granted another session') });
    expect(error.cause).toMatchObject({ message: 'expected session 0x5 in the handshake, got session 0x9' });
  });
});

describe('the table in the docstring of transition', () => {
  const source = readFileSync(new URL('./session-state.ts', import.meta.url), 'utf8');
  const cells = [...source.matchAll(/^ \* \| (.+) \| (.+) \| (.+) \| (.*) \|$/gm)].map((row) =>
    row.slice(1).map((cell) => cell.trim()),
  );
  const [, ...table] = cells.filter(([phase]) => !phase?.startsWith('-'));

  it('has a row for each pair of phases between which a session goes, and for no other', () => {
    const phases = [...new Set(Object.values(states).map(({ phase }) => phase))];
    const told = table.flatMap(([from = '', , to = '']) => {
      const names = from === 'any but ended' ? phases.filter((phase) => phase !== 'ended') : from.split(', ');
      return names.map((name) => `${name} to ${to}`);
    });
    const gone = rows.map(([from, , to]) => `${states[from].phase} to ${to}`);
    expect([...new Set(told)].sort()).toEqual([...new Set(gone)].sort());
  });

  it('names the effects of each of them', () => {
    const words = new Set(
      table.flatMap(([, , , effects = '']) => effects.split(', ').filter((effect) => effect !== '')),
    );
    const known = rows.flatMap(([, , , effects]) => effects.split(', '));
    for (const word of words) {
      const bare = word.replace('[-read-only]', '');
      expect(known.some((effect) => effect.startsWith(bare))).toBe(true);
    }
  });
});
