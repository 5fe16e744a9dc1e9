import type { World } from '../stage/every-request.js';

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

/** The same, and whoever stands before: those of a line with such names. */
export function isWaitedForBehind(...names: readonly string[]) {
  return ({ operation, path }: { readonly operation: string; readonly path: string | undefined }): boolean =>
    isWaitedFor({ operation }) || (operation === 'getData' && names.some((name) => path?.endsWith(name)));
}

/** Number of leases on the server. Nobody may ever see more than there are, nor more of one's own than were wanted. */
export function leasesIn({ server, path }: World): number {
  return server.dump().filter((znode) => znode.path.startsWith(`${path}/leases/`)).length;
}

/** Lets go of what may not have been acquired. */
export async function release(lease: { release(): Promise<void> } | null | undefined): Promise<void> {
  await lease?.release();
}

/** One keeper reads line, leases and count at the same time: what is answered together is answered before one can give up. */
export const isWaitedForInSemaphore = ({
  operation,
  path,
  nth,
}: {
  readonly operation: string;
  readonly path: string | undefined;
  readonly nth: number;
}): boolean =>
  isWaitedFor({ operation }) && !(operation.startsWith('getChildren') && path?.endsWith('/leases') && nth === 1);
