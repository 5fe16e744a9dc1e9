/** Coordinators that live, according to one list of their directory. */
export interface RollCall {
  readonly names: readonly string[];
  /** `cversion` of the directory: number of children created and deleted since its creation. */
  readonly changes: number;
}

/** Whether a coordinator has gone between two lists, including a coordinator that is in neither list. Pure. */
export function isAnyGone(before: RollCall, after: RollCall): boolean {
  const [known, present] = [new Set(before.names), new Set(after.names)];
  const gone = before.names.filter((name) => !present.has(name)).length;
  const come = after.names.filter((name) => !known.has(name)).length;
  return gone > 0 || after.changes - before.changes !== come;
}
