import type { Stat } from '@zk-recipes/core';

/** Name of the znode that marks the barrier as open. */
export const READY = 'ready';

/** State of a double barrier at one look. */
export interface Look {
  /** Stat of `ready`; `null` if the barrier is not open. */
  readonly ready: Stat | null;
  /** Names of all members, in order. */
  readonly members: readonly string[];
  /** Latest transaction of the list: no listed member was created after it. */
  readonly asOf: bigint;
}

/** Pattern of member names, which are uuids: with hyphens in this package and in Curator, without hyphens in kazoo. */
const MEMBER = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** Returns the names of members, in order. Leaves out other children, such as `ready` or the directory of another barrier. */
export function membersAmong(children: readonly string[]): string[] {
  return children.filter((name) => MEMBER.test(name)).sort();
}

/** Returns whether the barrier opened while a member stood there. */
export function sawOpening(member: { readonly czxid: bigint }, ready: { readonly czxid: bigint }): boolean {
  return member.czxid < ready.czxid;
}

/**
 * Returns whether the own member is the lowest. The lowest member stays until all others are gone, so that the others have a member to
 * wait for.
 */
export function staysToTheEnd(own: string, others: readonly string[]): boolean {
  return others.every((other) => own < other);
}

/**
 * Returns the member that a leaving member waits for, of the remaining ones in order: the lowest, or the highest if the own member is the
 * lowest.
 */
export function nextAwaited(left: readonly string[], stays: boolean): string | undefined {
  return stays ? left.at(-1) : left[0];
}

/**
 * Returns the members that remain after one of them is gone. Excludes the gone name even if it is listed, because Curator's members may
 * come back under the same name.
 */
export function stillLeft(left: readonly string[], gone: string, members: readonly string[]): string[] {
  return left.filter((name) => name !== gone && members.includes(name));
}
