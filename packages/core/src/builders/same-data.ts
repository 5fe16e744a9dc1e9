import type { ZnodeData } from 'zookeeper-ts-client';

/** Whether a znode holds what was to be written. The server may hand out empty data for `null` and the other way round. */
export function isSameData(found: Buffer | null, wanted: ZnodeData): boolean {
  const bytes = wanted === null ? Buffer.alloc(0) : typeof wanted === 'string' ? Buffer.from(wanted) : wanted;
  return (found ?? Buffer.alloc(0)).equals(bytes);
}
