import type { Protocol, Write } from '../../src/protocol.js';
import type { Decision, Vote } from '../../src/records.js';
import {
  apply,
  type Decider,
  decisionIn,
  ID,
  isCoordinatorAlive,
  isGone,
  layout,
  placeOf,
  type Site,
  siteName,
  type Tree,
  voteIn,
  votersIn,
  type World,
  withCoordinator,
  withDamagedVote,
} from './world.js';

/** Something that can happen. */
export interface Step {
  readonly name: string;
  readonly world: World;
  /** Not by the protocol, but to it: termination does without. */
  readonly isFault: boolean;
}

/** All that can happen next. */
export function steps(protocol: Protocol, world: World): Step[] {
  return [
    ...coordinatorSteps(protocol, world),
    ...recovererSteps(protocol, world),
    ...world.sites.flatMap((site, index) => siteSteps(protocol, world, site, index)),
    ...world.sites.flatMap((_, index) => damage(world, index)),
  ];
}

function can(name: string, world: World): Step {
  return { name, world, isFault: false };
}

function mishap(name: string, world: World): Step {
  return { name, world, isFault: true };
}

/** Something writes over a vote. A write that is refused, or throttled, changes nothing, and is no step. */
function damage(world: World, index: number): Step[] {
  const tree = world.damages ? withDamagedVote(world.tree, index) : null;
  return tree === null ? [] : [mishap(`the vote of ${siteName(index)} is damaged`, { ...world, tree })];
}

function namesOf({ sites }: World): string[] {
  return sites.map((_, index) => siteName(index));
}

/** A world with another tree; notes the first decision, and who had voted by then. */
function withTree(world: World, tree: Tree): World {
  if (world.decided !== null) return { ...world, tree };
  const decision = decisionIn(tree);
  return decision === null
    ? { ...world, tree }
    : { ...world, tree, decided: decision.decision, voters: votersIn(tree) };
}

/** What a sender sees of a write: done and told, done and not told, neither. */
function sent(
  name: string,
  world: World,
  writes: readonly Write[],
  onAnswer: (world: World, isDone: boolean) => World,
): Step[] {
  const tree = apply(world.tree, writes);
  const answered = onAnswer(tree === null ? world : withTree(world, tree), tree !== null);
  const lost = tree === null ? [] : [mishap(`${name}, reply lost`, withTree(world, tree))];
  return [can(tree === null ? `${name}, refused` : name, answered), ...lost];
}

function coordinatorSteps(protocol: Protocol, world: World): Step[] {
  const { coordinator: own, tree } = world;
  const become = (next: Partial<Decider>, of = world): World => ({
    ...of,
    coordinator: { ...of.coordinator, ...next },
  });
  const crash = mishap('coordinator crashes', {
    ...become({ phase: 'down', verdict: null }),
    tree: withCoordinator(tree, false),
  });
  switch (own.phase) {
    case 'down':
      return [];
    case 'reading': {
      // Votes are never changed: to have read them earlier is to decide earlier, and to write later.
      const participants = namesOf(world);
      const votes = new Map<string, Vote>();
      const unreadable = new Map<string, Error>();
      for (const [index, name] of participants.entries()) {
        const vote = voteIn(tree, index);
        if (vote === 'damaged') unreadable.set(name, new Error('damaged'));
        else if (vote !== null) votes.set(name, vote);
      }
      const ballot = { participants, votes, unreadable };
      const kinds = [protocol.verdict(ballot, null), protocol.verdict(ballot, 'late')].map(
        (verdict) => verdict?.decision,
      );
      const decided = [...new Set(kinds)].flatMap((verdict) =>
        verdict === undefined ? [] : [can(`coordinator: ${verdict}`, become({ phase: 'to-decide', verdict }))],
      );
      // A session may be lost and come back at any moment: the coordinator goes on, and others take it for dead meanwhile.
      const alive = isCoordinatorAlive(tree);
      const session = mishap(alive ? 'session lost' : 'session anew', {
        ...world,
        tree: withCoordinator(tree, !alive),
      });
      return [...decided, session, crash];
    }
    case 'to-decide': {
      const decision = decisionOf(own, 'coordinator');
      const writes = protocol.decide(layout, ID, namesOf(world), decision);
      const write = sent('coordinator decides', world, writes, (after) => {
        // Refused: it reads, and tells what it has read.
        const found = decisionIn(after.tree);
        return found === null
          ? become({ phase: 'reading', verdict: null }, after)
          : become({ phase: 'done', told: found.decision, verdict: null }, after);
      });
      return [...write, crash];
    }
    case 'done': {
      const writes = protocol.remove(
        layout,
        ID,
        namesOf(world),
        votersIn(tree).split(',').filter(Boolean).map(nameOfPath),
      );
      const areDone = world.sites.every((_, index) => layout.acknowledgement(ID, siteName(index)) in tree);
      return [...(areDone ? sent('coordinator removes', world, writes, (after) => after) : []), crash];
    }
  }
}

function nameOfPath(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function decisionOf({ verdict }: Decider, by: string): Decision {
  return { decision: verdict as Decision['decision'], by, votes: [] };
}

function recovererSteps(protocol: Protocol, world: World): Step[] {
  const { recoverer: own, tree } = world;
  const become = (next: Partial<Decider>, of = world): World => ({ ...of, recoverer: { ...of.recoverer, ...next } });
  if (own.phase === 'to-decide') {
    const writes = protocol.decide(layout, ID, namesOf(world), decisionOf(own, 'recovery'));
    return [
      ...sent('recovery decides', world, writes, (after) => become({ phase: 'reading', verdict: null }, after)),
      mishap('recoverer crashes', become({ phase: 'reading', verdict: null })),
    ];
  }
  if (isGone(tree)) return [];
  const isFinished = world.sites.every((_, index) => layout.acknowledgement(ID, siteName(index)) in tree);
  const view = { isDecided: decisionIn(tree) !== null, isCoordinatorAlive: isCoordinatorAlive(tree), isFinished };
  const action = protocol.recover({ ...view, isOld: true });
  if (action === 'abort') return [can('recovery begins', become({ phase: 'to-decide', verdict: 'aborted' }))];
  if (action === 'nothing') return [];
  const voters = votersIn(tree).split(',').filter(Boolean).map(nameOfPath);
  return sent('recovery removes', world, protocol.remove(layout, ID, namesOf(world), voters), (after) => after);
}

function siteSteps(protocol: Protocol, world: World, own: Site, index: number): Step[] {
  const name = siteName(index);
  const { tree } = world;
  const place = placeOf(index, own.incarnation);
  const become = (next: Partial<Site>, of = world): World => ({
    ...of,
    sites: of.sites.map((site, at) => (at === index ? { ...site, ...next } : site)),
  });
  const late = own.late === null ? [] : lateVote(protocol, world, own, index, become);
  if (own.phase === 'down') {
    // A place of its own is only told from another where something may arrive late.
    const incarnation = world.pauses ? own.incarnation + 1 : own.incarnation;
    const back = { ...tree, [placeOf(index, incarnation)]: { data: '', version: 0 } };
    return [...late, can(`${name} comes back`, { ...become({ phase: 'up', incarnation }), tree: back })];
  }
  const fresh = { phase: 'down', intended: null } as const;
  const { [place]: _, ...without } = tree;
  const sending = own.phase === 'to-vote' ? own.intended : null;
  const crash = mishap(`${name} crashes`, { ...become({ ...fresh, late: null }), tree: without });
  const pause = mishap(`${name} pauses`, { ...become({ ...fresh, late: sending }), tree: without });
  const mishaps = world.pauses ? (own.incarnation > 0 ? [] : sending === null ? [crash] : [crash, pause]) : [crash];
  return [...late, ...mishaps, ...work(protocol, world, own, index, become)];
}

type Become = (next: Partial<Site>, of?: World) => World;

/** What an earlier process has sent arrives at last. */
function lateVote(protocol: Protocol, world: World, own: Site, index: number, become: Become): Step[] {
  const old = placeOf(index, own.phase === 'down' ? own.incarnation : own.incarnation - 1);
  const writes = protocol.vote(layout, ID, siteName(index), old, { vote: own.late as 'commit' });
  const tree = apply(world.tree, writes);
  const gone = become({ late: null });
  return [mishap(`${siteName(index)}: a late vote arrives`, tree === null ? gone : withTree(gone, tree))];
}

function work(protocol: Protocol, world: World, own: Site, index: number, become: Become): Step[] {
  const name = siteName(index);
  const { tree } = world;
  const place = placeOf(index, own.incarnation);
  switch (own.phase) {
    case 'up': {
      if (!(layout.entry(name, ID) in tree)) return [can(`${name} has nothing to do`, become({ phase: 'done' }))];
      const decision = decisionIn(tree)?.decision ?? null;
      const found = voteIn(tree, index);
      // A participant that cannot read its own vote knows that it has voted.
      const vote = found === 'damaged' ? ({ vote: 'abort' } as const) : found;
      const next = protocol.next({ isDecided: decision !== null, vote });
      if (next === 'await') return [];
      if (next === 'finish') return finishing(protocol, world, own, index, become);
      // A process that was paused has prepared already, in the same database.
      const prepared = can(`${name} prepares`, become({ phase: 'to-vote', intended: 'commit', resource: 'prepared' }));
      const refused = can(`${name} refuses`, become({ phase: 'to-vote', intended: 'abort', resource: 'nothing' }));
      return [prepared, refused];
    }
    case 'to-vote': {
      const vote = { vote: own.intended as 'commit' | 'abort' };
      const writes = protocol.vote(layout, ID, name, place, vote);
      return sent(`${name} votes`, world, writes, (after) => become({ phase: 'up', intended: null }, after));
    }
    default:
      return [];
  }
}

/** The handler, and then the note that it is done: what was decided does not change in between. */
function finishing(protocol: Protocol, world: World, own: Site, index: number, become: Become): Step[] {
  const name = siteName(index);
  const resource = decisionIn(world.tree)?.decision === 'committed' ? 'committed' : 'aborted';
  if (own.resource !== resource) return [can(`${name}: ${resource}`, become({ resource }))];
  const writes = protocol.finish(layout, ID, name, placeOf(index, own.incarnation));
  return sent(`${name} finishes`, world, writes, (after) => after);
}
