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

/** A znode. */
export interface Znode {
  readonly data: string;
  readonly version: number;
}

export type Tree = Readonly<Record<string, Znode>>;

/** What a resource has done, durably: it outlives the process. */
export type Resource = 'nothing' | 'prepared' | 'committed' | 'aborted';

/** A participant: its process, and what that has read. */
export interface Site {
  readonly resource: Resource;
  /** How many processes there have been: the place in the line carries it. */
  readonly incarnation: number;
  readonly phase: 'down' | 'up' | 'to-vote' | 'to-finish' | 'done';
  /** What `prepare` returned in this process. */
  readonly intended: 'commit' | 'abort' | null;
  /** What was read last. */
  readonly knowsDecision: Decision['decision'] | null;
  /** A vote that an earlier process has sent, and that is still on its way. */
  readonly late: 'commit' | 'abort' | null;
}

/** A process that decides. */
export interface Decider {
  readonly phase: 'down' | 'reading' | 'to-decide' | 'done';
  /** What it has read, or is about to decide. */
  readonly votes: Readonly<Record<string, Vote['vote']>>;
  readonly verdict: Decision['decision'] | null;
  /** What it believes was decided, and has told its caller. */
  readonly told: Decision['decision'] | null;
}

export interface World {
  readonly tree: Tree;
  readonly coordinator: Decider;
  readonly recoverer: Decider;
  readonly sites: readonly Site[];
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
export function initial(protocol: Protocol, count: number): World {
  const names = Array.from({ length: count }, (_, index) => siteName(index));
  const idle: Decider = { phase: 'reading', votes: {}, verdict: null, told: null };
  const places = names.map((_, index) => [placeOf(index, 0), { data: '', version: 0 }] as const);
  const empty: Tree = { [layout.coordinator(COORDINATOR)]: { data: '', version: 0 }, ...Object.fromEntries(places) };
  const tree = apply(empty, protocol.begin(layout, ID, names, COORDINATOR, Buffer.from('begun')));
  if (tree === null) throw new Error('the transaction could not be begun');
  const site: Site = {
    resource: 'nothing',
    incarnation: 0,
    phase: 'up',
    intended: null,
    knowsDecision: null,
    late: null,
  };
  return { tree, coordinator: idle, recoverer: idle, sites: names.map(() => site), decided: null, voters: '' };
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

export function decisionIn(tree: Tree): Decision | null {
  const path = layout.decision(ID);
  const znode = tree[path];
  return znode === undefined || znode.version === 0 ? null : decodeDecision(path, Buffer.from(znode.data));
}

export function voteIn(tree: Tree, index: number): Vote | null {
  const path = layout.vote(ID, siteName(index));
  const znode = tree[path];
  return znode === undefined ? null : decodeVote(path, Buffer.from(znode.data));
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

export function isGone(tree: Tree): boolean {
  return !(layout.transaction(ID) in tree);
}
