import { childOf, nameOf, parentOf } from './namespace.js';

const MARK = '_c_';
const UUID_LENGTH = 36;
const PREFIX_LENGTH = MARK.length + UUID_LENGTH + 1;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Name of a protected znode, taken apart. */
export interface ProtectedName {
  /** Says which create made it. */
  readonly uuid: string;
  /** The name without its protection. */
  readonly name: string;
}

/**
 * What stands before the name of a znode, so that its creator finds it again: `_c_<uuid>-`, as Curator writes it.
 *
 * @param uuid 36 characters, lower case
 * @see org.apache.curator.framework.imps.ProtectedUtils
 */
export function protectedPrefix(uuid: string): string {
  return `${MARK}${uuid}-`;
}

/**
 * Takes the name of a protected znode apart; `null` when the name is not one. As Curator does, it wants something after
 * the prefix.
 */
export function parseProtectedName(name: string): ProtectedName | null {
  if (name.length <= PREFIX_LENGTH || !name.startsWith(MARK) || name[PREFIX_LENGTH - 1] !== '-') return null;
  const uuid = name.slice(MARK.length, PREFIX_LENGTH - 1);
  return UUID.test(uuid) ? { uuid, name: name.slice(PREFIX_LENGTH) } : null;
}

/** The path with the prefix before the znode's name. */
export function protectPath(path: string, uuid: string): string {
  return childOf(parentOf(path), protectedPrefix(uuid) + nameOf(path));
}

/** The child that was created under the uuid; `null` when there is none. */
export function findProtected(children: readonly string[], uuid: string): string | null {
  const prefix = protectedPrefix(uuid);
  return children.find((child) => child.startsWith(prefix)) ?? null;
}
