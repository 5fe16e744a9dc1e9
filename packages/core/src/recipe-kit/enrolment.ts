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

/** Line to join, and the own znode in it. */
export interface Line {
  /** Path of the line. */
  readonly directory: string;
  /** Name of the own znode without protection and number, e.g. `lock-`. */
  readonly name: string;
  /** Data of the own znode. Default: the `defaultData` of the `Keeper`. */
  readonly data?: ZnodeData | undefined;
}

/** Options of `enrol`. */
export interface EnrolOptions extends Omit<Line, 'directory'> {
  /**
   * Cancels the call when it aborts: the call rejects with the signal's reason. If the server created the znode after all, the znode is
   * removed.
   */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Takes a place in a line. Creates a protected ephemeral sequential znode, with its parents if they are missing, and lists the directory
 * in the same round trip. If the call fails, it removes any znode that was created.
 *
 * @param directory path of the line
 * @throws {SequenceUsedUpError} after 2^31 creations in the directory
 * @throws the errors of a create, and the signal's reason
 */
export async function enrol(keeper: Keeper, directory: string, { name, data, signal }: EnrolOptions): Promise<Member> {
  const creation = creationOfPlaces(keeper).forPath(childOf(directory, name), data, { signal });
  const listing = list(keeper, directory, signal);
  const member = memberOf(keeper, await creation, await listing);
  if (!signal?.aborted && isInOrder(member, name)) return member;
  return await leave([member], isInOrder(member, name) ? null : directory, signal);
}

/** Returns the builder that creates places of a `Keeper`. It is built only once, because it never differs. */
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
 * Takes a place in each of several lines, in one transaction: in all of them or in none. Therefore a contender that is ahead of another
 * one in one line is ahead in all lines that both have joined this way.
 *
 * @param lines at least one; no two in the same directory under the same name
 * @returns a member for each line, in their order
 * @throws {SessionExpiredError} when the session is lost meanwhile
 * @throws the errors of `enrol`
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
      // The transaction was executed with a lost reply, and another client removed a place before the outcome was found out.
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
 * Lists the line once, in the same write as the create. A server executes the requests of a session in order, so the list shows the line
 * right after the create. Every later request of the caller sees later changes.
 */
function list(keeper: Keeper, directory: string, signal: AbortSignal | undefined): Promise<readonly string[] | null> {
  return (
    keeper.zookeeper
      .getChildren(realPath(keeper, directory), { signal })
      .then(({ children }) => children)
      // The create reports the same failure (missing parents, a lost connection). A caller that needs the list requests it again.
      .catch(() => null)
  );
}

/** Returns whether the number of a place determines its position in the line. */
function isInOrder(member: Member, name: string): boolean {
  return !isUsedUp(sequenceKey(member.name, name));
}

/** Leaves the lines again: the numbers of one line are used up, or the caller gave up between the replies. */
async function leave(
  members: readonly Member[],
  disordered: string | null,
  signal: AbortSignal | undefined,
): Promise<never> {
  await giveUp(members);
  signal?.throwIfAborted();
  throw new SequenceUsedUpError(disordered ?? '');
}
