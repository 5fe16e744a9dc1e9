import { describe, expect, it } from 'vitest';
import { search } from '../test/model/search.js';
import { type Protocol, protocol, type Write } from './protocol.js';

/** Without what a transaction checks, of one kind. */
function without(writes: readonly Write[], isLeftOut: (write: Write) => boolean): Write[] {
  return writes.filter((write) => !isLeftOut(write));
}

/** Bugs that the search has to find, each in one of the functions that the package runs. */
const mutants: Readonly<Record<string, Partial<Protocol>>> = {
  'decides whatever the version': {
    decide: (...args) =>
      protocol.decide(...args).map((write) => (write.do === 'set' ? { ...write, version: -1 } : write)),
  },
  'commits without having all votes, and without checking them': {
    verdict: ({ votes }, end) => {
      const refused = [...votes.values()].some(({ vote }) => vote === 'abort');
      if (refused || end !== null) return { decision: 'aborted' };
      return { decision: 'committed' };
    },
    decide: (...args) => without(protocol.decide(...args), ({ do: kind }) => kind === 'check'),
  },
  'counts votes, not what they say': {
    verdict: ({ participants, votes }, end) => {
      if (participants.every((name) => votes.has(name))) return { decision: 'committed' };
      return end === null ? null : { decision: 'aborted' };
    },
  },
  'takes a vote that cannot be read for commit': {
    verdict: ({ participants, votes, unreadable }, end) => {
      const assumed = new Map(votes);
      for (const name of unreadable.keys()) assumed.set(name, { vote: 'commit' });
      return protocol.verdict({ participants, votes: assumed, unreadable: new Map() }, end);
    },
  },
  'commits at the end of the time': {
    verdict: (ballot, end) => (end === null ? protocol.verdict(ballot, null) : { decision: 'committed' }),
    decide: (...args) => without(protocol.decide(...args), ({ do: kind }) => kind === 'check'),
  },
  'votes without checking the decision': {
    vote: (...args) => without(protocol.vote(...args), ({ path }) => path.endsWith('/decision')),
  },
  'votes without checking its place': {
    vote: (...args) => without(protocol.vote(...args), ({ path }) => path.includes('/line/')),
  },
  'recovery commits': {
    decide: (layout, id, participants, decision) =>
      decision.by === 'recovery'
        ? without(
            protocol.decide(layout, id, participants, { ...decision, decision: 'committed' }),
            ({ do: kind }) => kind === 'check',
          )
        : protocol.decide(layout, id, participants, decision),
  },
  'recovery aborts what is decided': {
    recover: ({ isCoordinatorAlive }) => (isCoordinatorAlive ? 'nothing' : 'abort'),
    decide: (layout, id, participants, decision) =>
      protocol
        .decide(layout, id, participants, decision)
        .map((write) => (write.do === 'set' && decision.by === 'recovery' ? { ...write, version: -1 } : write)),
  },
  'recovery leaves what is undecided': { recover: (view) => (view.isDecided ? protocol.recover(view) : 'nothing') },
  'finishes before it is decided': { next: ({ vote }) => (vote === null ? 'prepare' : 'finish') },
  'prepares what is decided': {
    next: ({ isDecided, vote }) => (vote === null ? 'prepare' : isDecided ? 'finish' : 'await'),
  },
};

describe('the protocol, in all that can happen to one transaction', () => {
  it.each([
    { count: 2, pauses: true, damages: false },
    { count: 2, pauses: false, damages: true },
    { count: 3, pauses: false, damages: false },
  ])(
    'keeps its promises with $count participants, pauses $pauses, damaged votes $damages',
    {
      timeout: 300_000,
    },
    ({ count, ...faults }) => {
      const { states, offence } = search(protocol, count, faults);
      const what = `pauses ${faults.pauses}, damaged votes ${faults.damages}`;
      process.stdout.write(`two-phase commit, ${count} participants, ${what}: ${states} states\n`);
      expect(offence).toBeNull();
      expect(states).toBeGreaterThan(5_000);
    },
  );

  it.each(Object.entries(mutants))('finds out a protocol that %s', { timeout: 120_000 }, (_, mutation) => {
    const mutant = { ...protocol, ...mutation };
    const offence =
      search(mutant, 2, { pauses: false, damages: true }).offence ??
      search(mutant, 2, { pauses: true, damages: false }).offence;
    expect(offence).not.toBeNull();
  });
});
