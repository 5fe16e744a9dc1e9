import { validatePath } from 'zookeeper-ts-client/protocol';

/** The subtree of the server's own. */
export const SYSTEM_PATH = '/zookeeper';
/** Where quotas are kept. */
export const QUOTA_PATH = '/zookeeper/quota';
/** Where the ensemble's configuration is kept: empty for a standalone server. */
export const CONFIG_PATH = '/zookeeper/config';

const protectedPaths: ReadonlySet<string> = new Set(['/', SYSTEM_PATH, QUOTA_PATH, CONFIG_PATH]);

/** Whether a path is among those that nobody may delete. */
export function isProtected(path: string): boolean {
  return protectedPaths.has(path);
}

/** Whether a path keeps all rules. @see org.apache.zookeeper.common.PathUtils */
export function isValidPath(path: string): boolean {
  try {
    validatePath(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * The path above, as the server's tables have it: that of `/a` is the empty string.
 *
 * @returns `null` for a path without a slash or with U+0000, which has none
 */
export function parentPath(path: string): string | null {
  const slash = path.lastIndexOf('/');
  return slash < 0 || path.includes('\0') ? null : path.slice(0, slash);
}

/** The last segment of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** What a sequential create appends: ten digits at least, negative after 2^31 creates. @see Java's `%010d` */
export function sequenceSuffix(creations: number): string {
  return creations < 0 ? `-${String(-creations).padStart(9, '0')}` : String(creations).padStart(10, '0');
}
