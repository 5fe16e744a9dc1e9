import type { ZnodeData } from 'zookeeper-ts-client';

/** Returns whether a znode contains the intended data. The server may return empty data for `null`, and `null` for empty data. */
export function isSameData(found: Buffer | null, wanted: ZnodeData): boolean {
  const bytes = wanted === null ? Buffer.alloc(0) : typeof wanted === 'string' ? Buffer.from(wanted) : wanted;
  return (found ?? Buffer.alloc(0)).equals(bytes);
}
