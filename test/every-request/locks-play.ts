/** Somebody else's view of a lock or a semaphore. */
export interface Enviable {
  tryAcquire(options: { readonly timeoutMs: number }): Promise<{ release(): Promise<void> } | null>;
}

/** Deletes in the background are done by then. */
const SOON_MS = 3_000;

/** The next one has what nobody holds any more: whoever has left stands in nobody's way. */
export async function nextComes(enviable: Enviable): Promise<void> {
  const next = await enviable.tryAcquire({ timeoutMs: SOON_MS });
  if (next === null) throw new Error('somebody stands in the way who has left');
  await next.release();
}

/** Nobody waits for the look at one's own znode, for the watch of a line, for what is cleaned up, or for the sync by which a test waits. */
export const isWaitedFor = ({ operation }: { readonly operation: string }): boolean =>
  !['addWatch', 'delete', 'getData', 'removeWatches', 'sync'].includes(operation);
