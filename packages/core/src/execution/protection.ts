import { childOf, nameOf, parentOf } from './namespace.js';

const MARK = '_c_';
const UUID_LENGTH = 36;
const PREFIX_LENGTH = MARK.length + UUID_LENGTH + 1;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Parts of the name of a protected znode. */
export interface ProtectedName {
  /** Uuid of the create that made the znode. */
  readonly uuid: string;
  /** Name without the protection. */
  readonly name: string;
}

/**
 * Returns the prefix before the name of a znode, by which its creator finds the znode again: `_c_<uuid>-`, as in Curator.
 *
 * @param uuid 36 characters, lower case
 * @see org.apache.curator.framework.imps.ProtectedUtils
 */
export function protectedPrefix(uuid: string): string {
  return `${MARK}${uuid}-`;
}

/** Splits the name of a protected znode; returns `null` for any other name. As in Curator, the prefix must be followed by more text. */
export function parseProtectedName(name: string): ProtectedName | null {
  if (name.length <= PREFIX_LENGTH || !name.startsWith(MARK) || name[PREFIX_LENGTH - 1] !== '-') return null;
  const uuid = name.slice(MARK.length, PREFIX_LENGTH - 1);
  return UUID.test(uuid) ? { uuid, name: name.slice(PREFIX_LENGTH) } : null;
}

/** Returns the path with the prefix before the znode's name. */
export function protectPath(path: string, uuid: string): string {
  return childOf(parentOf(path), protectedPrefix(uuid) + nameOf(path));
}

/** Returns the child that was created with the uuid; `null` if there is none. */
export function findProtected(children: readonly string[], uuid: string): string | null {
  const prefix = protectedPrefix(uuid);
  return children.find((child) => child.startsWith(prefix)) ?? null;
}
