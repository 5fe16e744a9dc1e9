import { MalformedRecordError } from '../../src/errors.js';
import { Layout } from '../../src/layout.js';
import type { Protocol, Write } from '../../src/protocol.js';
import { type Decision, decodeDecision, decodeVote, type Vote } from '../../src/records.js';

/*
 * One transaction, and all who have to do with it, as a value: the tree of znodes, what each process knows, what each resource has done.
 * Processes act by the functions of the package (`Protocol`) only, on what they have read earlier.
 */

export const ID = 'tx';
export const layout: Layout = new Layout('/p');
const COORDINATOR = 'c';
/** Before the data of a record that cannot be read. */
const DAMAGE = '?';

/** A znode. */
interface Znode {
  readonly data: string;
  readonly version: number;
}

export type Tree = Readonly<Record<string, Znode>>;

/** What a resource has done, durably: it outlives the process. */
type Resource = 'nothing' | 'prepared' | 'committed' | 'aborted';

/** A participant: its process, and what that has read. */
export interface Site {
  readonly resource: Resource;
  /** How many processes there have been: the place in the line carries it. */
  readonly incarnation: number;
  readonly phase: 'down' | 'up' | 'to-vote' | 'done';
  /** What `prepare` returned in this process. */
  readonly intended: 'commit' | 'abort' | null;
  /** A vote that an earlier process has sent, and that is still on its way. */
  readonly late: 'commit' | 'abort' | null;
}

/** A process that decides. */
export interface Decider {
  readonly phase: 'down' | 'reading' | 'to-decide' | 'done';
  /** What it is about to decide. */
  readonly verdict: Decision['decision'] | null;
  /** What it believes was decided, and has told its caller. */
  readonly told: Decision['decision'] | null;
}

/** What may happen besides crashes and lost replies. */
export type Faults = Pick<World, 'pauses' | 'damages'>;

export interface World {
  readonly tree: Tree;
  readonly coordinator: Decider;
  readonly recoverer: Decider;
  readonly sites: readonly Site[];
  /** Whether processes may be paused while they vote; each of them dies once at most then, else as often as it likes. */
  readonly pauses: boolean;
  /** Whether a vote may be damaged, one at most. */
  readonly damages: boolean;
  /** The first decision that was ever in the tree. */
  readonly decided: Decision['decision'] | null;
  /** Who had voted when it was decided. */
  readonly voters: string;
}

export function siteName(index: number): string {
  return `s${index}`;
}

export function placeOf(index: number, incarnation: number): string {
  return `${layout.line(siteName(index))}/${incarnation}`;
}

/** The world before anything has happened: everybody is up. */
export function initial(protocol: Protocol, count: number, { pauses, damages }: Faults): World {
  const names = Array.from({ length: count }, (_, index) => siteName(index));
  const idle: Decider = { phase: 'reading', verdict: null, told: null };
  const places = names.map((_, index) => [placeOf(index, 0), { data: '', version: 0 }] as const);
  const empty: Tree = { [layout.coordinator(COORDINATOR)]: { data: '', version: 0 }, ...Object.fromEntries(places) };
  const tree = apply(empty, protocol.begin(layout, ID, names, COORDINATOR, Buffer.from('begun')));
  if (tree === null) throw new Error('the transaction could not be begun');
  const site: Site = {
    resource: 'nothing',
    incarnation: 0,
    phase: 'up',
    intended: null,
    late: null,
  };
  return {
    tree,
    coordinator: idle,
    recoverer: idle,
    sites: names.map(() => site),
    pauses,
    damages,
    decided: null,
    voters: '',
  };
}

/** All of it, or `null` if the server refuses. */
export function apply(tree: Tree, writes: readonly Write[]): Tree | null {
  const next: Record<string, Znode> = { ...tree };
  for (const write of writes) {
    const found = next[write.path];
    if (write.do === 'create') {
      if (found !== undefined) return null;
      next[write.path] = { data: Buffer.from(write.data).toString(), version: 0 };
      continue;
    }
    if (found === undefined) return null;
    const version = write.do === 'delete' ? undefined : write.version;
    if (version !== undefined && version !== -1 && version !== found.version) return null;
    if (write.do === 'set') {
      next[write.path] = { data: Buffer.from(write.data).toString(), version: found.version + 1 };
    } else if (write.do === 'delete') {
      const hasChildren = Object.keys(next).some((path) => path.startsWith(`${write.path}/`));
      if (hasChildren) return null;
      delete next[write.path];
    }
  }
  return next;
}

/** What was read before: there are few different ones. */
function remembering<T>(read: (data: string) => T): (data: string) => T {
  const known = new Map<string, T>();
  return (data) => {
    const found = known.get(data) ?? read(data);
    known.set(data, found);
    return found;
  };
}

const readDecision = remembering((data) => decodeDecision('', Buffer.from(data)));
const readVote = remembering((data): Vote | 'damaged' => {
  try {
    return decodeVote('', Buffer.from(data));
  } catch (error) {
    if (error instanceof MalformedRecordError) return 'damaged';
    throw error;
  }
});

export function decisionIn(tree: Tree): Decision | null {
  const znode = tree[layout.decision(ID)];
  return znode === undefined || znode.version === 0 ? null : readDecision(znode.data);
}

/** `damaged` if it cannot be read. */
export function voteIn(tree: Tree, index: number): Vote | 'damaged' | null {
  const znode = tree[layout.vote(ID, siteName(index))];
  return znode === undefined ? null : readVote(znode.data);
}

/** A tree in which a vote cannot be read; `null` if there is no such vote, or another one cannot be read. */
export function withDamagedVote(tree: Tree, index: number): Tree | null {
  const path = layout.vote(ID, siteName(index));
  const vote = tree[path];
  const isDamaged = Object.values(tree).some(({ data }) => data.startsWith(DAMAGE));
  if (vote === undefined || isDamaged) return null;
  return { ...tree, [path]: { ...vote, data: `${DAMAGE}${vote.data}` } };
}

/** What a vote says, or said before it was damaged. */
export function castIn(data: string): unknown {
  return JSON.parse(data.replace(DAMAGE, '')).vote;
}

/** Names of those who have voted. */
export function votersIn(tree: Tree): string {
  return Object.keys(tree)
    .filter((path) => path.startsWith(`${layout.votes(ID)}/`))
    .sort()
    .join();
}

export function isCoordinatorAlive(tree: Tree): boolean {
  return layout.coordinator(COORDINATOR) in tree;
}

export function withCoordinator(tree: Tree, isThere: boolean): Tree {
  const { [layout.coordinator(COORDINATOR)]: _, ...others } = tree;
  return isThere ? { ...others, [layout.coordinator(COORDINATOR)]: { data: '', version: 0 } } : others;
}

/**
 * What tells a world from another: all but what nobody looks at, such as who decided. Participants are alike, so it does not matter which of
 * them is in which state.
 */
export function keyOf({ tree, coordinator, recoverer, sites, decided, voters }: World): string {
  const decision = tree[layout.decision(ID)];
  const deciders = [coordinator, recoverer].map(({ phase, verdict, told }) => `${phase}${verdict}${told}`);
  const actors = sites.map((site, index) => {
    const name = siteName(index);
    const paths = [layout.acknowledgement(ID, name), layout.entry(name, ID), placeOf(index, site.incarnation)];
    const vote = tree[layout.vote(ID, name)]?.data;
    return [...Object.values(site), vote, voters.includes(name), ...paths.map((path) => path in tree)].join();
  });
  const others = [isCoordinatorAlive(tree), decision?.version, decisionIn(tree)?.decision, isGone(tree)];
  return [...others, ...deciders, decided, ...actors.sort()].join(';');
}

export function isGone(tree: Tree): boolean {
  return !(layout.transaction(ID) in tree);
}
