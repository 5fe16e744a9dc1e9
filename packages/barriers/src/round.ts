import type { Stat } from '@zk-recipes/core';

/** Name of the znode that says that the barrier is open. */
export const READY = 'ready';

/** A double barrier as it was found. */
export interface Look {
  /** What says that it is open, if it is there. */
  readonly ready: Stat | null;
  /** Names of all members, in order. */
  readonly members: readonly string[];
  /** No member of the list was created after this transaction. */
  readonly asOf: bigint;
}

/** Names of members are uuids: of this package and of Curator with hyphens, of kazoo without. */
const MEMBER = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** Names of members, in order. Other children, such as `ready` or the directory of another barrier, are none. */
export function membersAmong(children: readonly string[]): string[] {
  return children.filter((name) => MEMBER.test(name)).sort();
}

/** Whether the barrier opened while a member stood there. */
export function sawOpening(member: { readonly czxid: bigint }, ready: { readonly czxid: bigint }): boolean {
  return member.czxid < ready.czxid;
}

/** Whether a member that leaves is the one that stays until all others are gone, so that these have one to wait for: the lowest. */
export function staysToTheEnd(own: string, others: readonly string[]): boolean {
  return others.every((other) => own < other);
}

/** Whom a member that leaves waits for, of those who are left, in order: the lowest, or if it stays itself, from the highest down. */
export function nextAwaited(left: readonly string[], stays: boolean): string | undefined {
  return stays ? left.at(-1) : left[0];
}

/** Who is left, of those who were, when one of them is gone. That one may have come back under the same name, as Curator's do. */
export function stillLeft(left: readonly string[], gone: string, members: readonly string[]): string[] {
  return left.filter((name) => name !== gone && members.includes(name));
}
