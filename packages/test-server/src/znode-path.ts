import { validatePath } from 'zookeeper-ts-client/protocol';

/** Path of the server's own subtree. */
export const SYSTEM_PATH = '/zookeeper';
/** Path of the quotas. */
export const QUOTA_PATH = '/zookeeper/quota';
/** Path of the ensemble's configuration, which is empty for a standalone server. */
export const CONFIG_PATH = '/zookeeper/config';

const protectedPaths: ReadonlySet<string> = new Set(['/', SYSTEM_PATH, QUOTA_PATH, CONFIG_PATH]);

/** Whether a path is protected from deletion. */
export function isProtected(path: string): boolean {
  return protectedPaths.has(path);
}

/** Whether a path follows all rules. @see org.apache.zookeeper.common.PathUtils */
export function isValidPath(path: string): boolean {
  try {
    validatePath(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns the parent's path as in the server's tables: the parent of `/a` is the empty string.
 *
 * @returns `null` for a path without a slash or with U+0000, which has no parent
 */
export function parentPath(path: string): string | null {
  const slash = path.lastIndexOf('/');
  return slash < 0 || path.includes('\0') ? null : path.slice(0, slash);
}

/** Returns the last segment of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Returns the suffix of a sequential create: at least ten digits, negative after 2^31 creates. @see Java's `%010d` */
export function sequenceSuffix(creations: number): string {
  return creations < 0 ? `-${String(-creations).padStart(9, '0')}` : String(creations).padStart(10, '0');
}
