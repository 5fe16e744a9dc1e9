import { NoNodeError, type Stat, type ZnodeData } from 'zookeeper-ts-client';
import type { CreateBuilder } from '../builders/create.js';
import { SequenceUsedUpError } from '../errors.js';
import type { CreatedZnode } from '../execution/creation.js';
import { childOf, nameOf } from '../execution/namespace.js';
import { parseProtectedName } from '../execution/protection.js';
import type { Keeper } from '../keeper.js';
import { giveUp, type Member, memberOf } from './member.js';
import { realPath } from './real-path.js';
import { isUsedUp, sequenceKey } from './sequence.js';

/** Where and how to stand in a line. */
export interface Line {
  /** Path of the line. */
  readonly directory: string;
  /** Name of the own znode without protection and number, e.g. `lock-`. */
  readonly name: string;
  /** What the own znode holds; the `defaultData` of the `Keeper` where not given. */
  readonly data?: ZnodeData | undefined;
}

/** How to stand in a line. */
export interface EnrolOptions extends Omit<Line, 'directory'> {
  /** Gives up: rejects with its reason, and the znode, if it was created after all, is removed. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Takes a place in a line: creates a protected ephemeral sequential znode, its parents where they are missing, and lists the
 * directory in the same round trip. Leaves no ghost: whatever fails, a znode that was created is removed again.
 *
 * @param directory path of the line
 * @throws SequenceUsedUpError after 2^31 creations in the directory; what a create throws; the signal's reason
 */
export async function enrol(keeper: Keeper, directory: string, { name, data, signal }: EnrolOptions): Promise<Member> {
  const creation = creationOfPlaces(keeper).forPath(childOf(directory, name), data, { signal });
  const listing = list(keeper, directory, signal);
  const member = memberOf(keeper, await creation, await listing);
  if (!signal?.aborted && isInOrder(member, name)) return member;
  return await leave([member], isInOrder(member, name) ? null : directory, signal);
}

/** How places are created by a `Keeper`: described once, since that is the same each time. */
function creationOfPlaces(keeper: Keeper): CreateBuilder<CreatedZnode> {
  let creation = creations.get(keeper);
  if (creation === undefined) {
    creation = keeper.create().creatingParents().withMode('EPHEMERAL_SEQUENTIAL').withProtection().withStat();
    creations.set(keeper, creation);
  }
  return creation;
}

const creations = new WeakMap<Keeper, CreateBuilder<CreatedZnode>>();

/**
 * Takes a place in each of several lines, in one transaction: in all of them or in none, so that of two who join the same lines one
 * stands before the other in all of them.
 *
 * @param lines at least one; no two in the same directory under the same name
 * @returns a member for each line, in their order
 * @throws as `enrol`; SessionExpiredError if the session was lost meanwhile
 */
export async function enrolInAll(
  keeper: Keeper,
  lines: readonly Line[],
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Member[]> {
  for (;;) {
    try {
      return await joinAll(keeper, lines, signal);
    } catch (error) {
      // Joined, but one of the places was removed by somebody before its reply, which had been lost, was found out.
      const isLossOfPlace = error instanceof NoNodeError && parseProtectedName(nameOf(error.path ?? '')) !== null;
      if (!isLossOfPlace || signal?.aborted) throw error;
    }
  }
}

async function joinAll(keeper: Keeper, lines: readonly Line[], signal: AbortSignal | undefined): Promise<Member[]> {
  const mode = { mode: 'EPHEMERAL_SEQUENTIAL', protection: true } as const;
  const joining = lines
    .reduce(
      (transaction, { directory, name, data }) => transaction.create(childOf(directory, name), data, mode),
      keeper.transaction().creatingParents(),
    )
    .commit({ signal });
  const listings = lines.map(({ directory }) => list(keeper, directory, signal));
  const created = await joining;
  const members: Member[] = [];
  for (const [index, result] of created.entries()) {
    members.push(memberOf(keeper, result as { path: string; stat: Stat }, await listings[index]));
  }
  const disordered = lines.find(({ name }, index) => !isInOrder(members[index] as Member, name));
  if (disordered === undefined && !signal?.aborted) return members;
  return await leave(members, disordered?.directory ?? null, signal);
}

/**
 * Sent in the same write as the create, and never again: requests of a session are executed in their order, so what it finds is as of then, and
 * whatever the caller sends next finds what came after.
 */
function list(keeper: Keeper, directory: string, signal: AbortSignal | undefined): Promise<readonly string[] | null> {
  return (
    keeper.zookeeper
      .getChildren(realPath(keeper, directory), { signal })
      .then(({ children }) => children)
      // Missing parents, a lost connection: the create tells of it, and whoever needs the list asks again.
      .catch(() => null)
  );
}

/** Whether the number of a place says where in the line it stands. */
function isInOrder(member: Member, name: string): boolean {
  return !isUsedUp(sequenceKey(member.name, name));
}

/** Leaves the lines again: there is no order in one of them, or the caller has given up between the replies. */
async function leave(
  members: readonly Member[],
  disordered: string | null,
  signal: AbortSignal | undefined,
): Promise<never> {
  await giveUp(members);
  signal?.throwIfAborted();
  throw new SequenceUsedUpError(disordered ?? '');
}
