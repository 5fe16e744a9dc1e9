/** The coordinators that live, as one list of their directory has them. */
export interface RollCall {
  readonly names: readonly string[];
  /** `cversion` of the directory: how many children came and went since it was made. */
  readonly changes: number;
}

/** Whether a coordinator has gone between two lists, one that neither of them has included. Pure. */
export function isAnyGone(before: RollCall, after: RollCall): boolean {
  const [known, present] = [new Set(before.names), new Set(after.names)];
  const gone = before.names.filter((name) => !present.has(name)).length;
  const come = after.names.filter((name) => !known.has(name)).length;
  return gone > 0 || after.changes - before.changes !== come;
}
