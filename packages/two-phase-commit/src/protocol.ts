import type { Layout } from './layout.js';
import { type Decision, encodeRecord, type Vote } from './records.js';

/*
 * Decisions and writes of the protocol as pure functions. They return the next step of coordinator, participant and recovery, given what these have
 * read, and the transactions that carry it out. The model check runs these same functions.
 */

/** Operation of a ZooKeeper transaction. */
export type Write =
  | { readonly do: 'check'; readonly path: string; readonly version?: number }
  | { readonly do: 'create'; readonly path: string; readonly data: Uint8Array }
  | { readonly do: 'set'; readonly path: string; readonly data: Uint8Array; readonly version: number }
  | { readonly do: 'delete'; readonly path: string };

/** Version of a decision's znode before the decision. Every writer expects this version, so the decision is written once. */
export const UNDECIDED = 0;

const EMPTY = new Uint8Array(0);

/** Votes known so far. */
interface Ballot {
  readonly participants: readonly string[];
  readonly votes: ReadonlyMap<string, Vote>;
  /** Reasons why existing votes cannot be read. */
  readonly unreadable: ReadonlyMap<string, Error>;
}

/** Decision that a coordinator has to write. */
export type Verdict = Pick<Decision, 'decision' | 'reason'>;

/** Rules and writes of the protocol. */
export interface Protocol {
  /** Returns the coordinator's decision; `null` to wait. `end` is the reason why the coordinator no longer waits. */
  verdict(ballot: Ballot, end: string | null): Verdict | null;
  /** Returns the next step of a participant. */
  next(view: { readonly isDecided: boolean; readonly vote: Vote | null }): 'prepare' | 'await' | 'finish';
  /** Returns recovery's action for a transaction. */
  recover(view: {
    readonly isDecided: boolean;
    readonly isCoordinatorAlive: boolean;
    readonly isFinished: boolean;
    readonly isOld: boolean;
  }): 'abort' | 'remove' | 'nothing';
  begin(layout: Layout, id: string, participants: readonly string[], coordinator: string, data: Uint8Array): Write[];
  /** @param place the voter's own znode in its line */
  vote(layout: Layout, id: string, participant: string, place: string, vote: Vote): Write[];
  /** @param version that the decision's znode must have: `UNDECIDED` by default */
  decide(layout: Layout, id: string, participants: readonly string[], decision: Decision, version?: number): Write[];
  finish(layout: Layout, id: string, participant: string, place: string): Write[];
  remove(layout: Layout, id: string, participants: readonly string[], voters: readonly string[]): Write[];
}

/** Protocol of this package. */
export const protocol: Protocol = {
  verdict({ participants, votes, unreadable }, end) {
    const refusal = participants.find((name) => votes.get(name)?.vote === 'abort');
    if (refusal !== undefined) {
      const reason = votes.get(refusal)?.reason;
      return {
        decision: 'aborted',
        reason: `${refusal} voted abort${reason === undefined ? '' : `: ${reason}`}`,
      };
    }
    // A vote never changes, so waiting would not help.
    for (const [name, { message }] of unreadable) {
      return { decision: 'aborted', reason: `the vote of ${name} cannot be read: ${message}` };
    }
    if (end !== null) return { decision: 'aborted', reason: end };
    return participants.every((name) => votes.get(name)?.vote === 'commit') ? { decision: 'committed' } : null;
  },

  next({ isDecided, vote }) {
    if (isDecided) return 'finish';
    return vote === null ? 'prepare' : 'await';
  },

  recover({ isDecided, isCoordinatorAlive, isFinished, isOld }) {
    if (isCoordinatorAlive) return 'nothing';
    if (!isDecided) return 'abort';
    return isFinished && isOld ? 'remove' : 'nothing';
  },

  begin(layout, id, participants, coordinator, data) {
    return [
      { do: 'check', path: layout.coordinator(coordinator) },
      { do: 'create', path: layout.transaction(id), data },
      { do: 'create', path: layout.decision(id), data: EMPTY },
      { do: 'create', path: layout.votes(id), data: EMPTY },
      { do: 'create', path: layout.acknowledgements(id), data: EMPTY },
      ...participants.map((name): Write => ({ do: 'create', path: layout.entry(name, id), data: EMPTY })),
    ];
  },

  vote(layout, id, participant, place, vote) {
    return [
      { do: 'check', path: place },
      { do: 'check', path: layout.decision(id), version: UNDECIDED },
      { do: 'create', path: layout.vote(id, participant), data: encodeRecord(vote) },
    ];
  },

  decide(layout, id, participants, decision, version = UNDECIDED) {
    const votes = decision.decision === 'aborted' ? [] : participants;
    return [
      ...votes.map((name): Write => ({ do: 'check', path: layout.vote(id, name) })),
      { do: 'set', path: layout.decision(id), data: encodeRecord(decision), version },
    ];
  },

  finish(layout, id, participant, place) {
    return [
      { do: 'check', path: place },
      { do: 'create', path: layout.acknowledgement(id, participant), data: EMPTY },
      { do: 'delete', path: layout.entry(participant, id) },
    ];
  },

  remove(layout, id, participants, voters) {
    return [
      ...participants.map((name): Write => ({ do: 'delete', path: layout.acknowledgement(id, name) })),
      ...voters.map((name): Write => ({ do: 'delete', path: layout.vote(id, name) })),
      ...[layout.acknowledgements(id), layout.votes(id), layout.decision(id), layout.transaction(id)].map(
        (path): Write => ({ do: 'delete', path }),
      ),
    ];
  },
};
