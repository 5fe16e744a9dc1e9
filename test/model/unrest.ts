import type { SeenZnode } from './tree-observer.js';
import { FIXED_LEASES } from './wants.js';

/** How things stand, on the server and in the heads of the contenders. */
export interface State {
  readonly standing: readonly SeenZnode[];
  /** Transactions of which some znodes are gone already: nobody has a turn by what is left of several places. */
  readonly crippled: ReadonlySet<bigint>;
  /** Paths that somebody believes to be a hold. */
  readonly believed: ReadonlySet<string>;
  readonly phases: readonly ('waiting' | 'holding' | 'leaving' | null)[];
  /** How many places were taken away by hand: whoever waits in the midst of a line hears of that only when it would be its turn. */
  readonly takenAway: number;
  /** What administrators are doing. */
  readonly underWay: number;
  /** Number of leases of the semaphore with a number that changes. */
  readonly leases: number;
  /** Session of those who are left out, and may believe what they like; `null` when nobody is. */
  readonly leftOut: bigint | null;
}

/** What has to happen yet before everybody has what is due and no more, in words; `null` if that is so. Pure. */
export function unrestIn(state: State): string | null {
  const { standing, crippled, believed, phases, takenAway, underWay, leftOut } = state;
  if (underWay > 0) return 'administrators are busy';
  if (phases.includes('leaving')) return 'somebody is leaving';
  const paths = new Set(standing.map(({ path }) => path));
  const unfounded = [...believed].find((path) => !paths.has(path));
  if (unfounded !== undefined && leftOut === null) return `${unfounded} is believed in, and is gone`;
  let waiting = 0;
  for (const czxid of new Set(standing.map((znode) => znode.czxid))) {
    // The places in several lines, or several leases, that one contender has together.
    const place = standing.filter((znode) => znode.czxid === czxid);
    if (place.some(({ owner }) => owner === leftOut)) continue;
    const isDue = place.every((znode) => znode.isLease || (hasTurn(znode, state) && !crippled.has(czxid)));
    const isBelieved = place.every(({ path }) => believed.has(path));
    if (isDue && !isBelieved) return `nobody has ${place.map(({ path }) => path)}, whose turn it is`;
    if (!isDue && isBelieved) return `somebody believes in ${place.map(({ path }) => path)} out of turn`;
    if (!isDue) waiting += 1;
  }
  const expected = phases.filter((phase) => phase === 'waiting').length;
  return waiting <= expected && waiting >= expected - takenAway ? null : `${waiting} places for ${expected} who wait`;
}

/** Whether nobody stands in the way of a place. */
function hasTurn(znode: SeenZnode, { standing, leases }: State): boolean {
  const line = standing.filter((other) => other.line === znode.line);
  const before = line.filter((other) => !other.isLease && other.number < znode.number);
  const limit = znode.line.endsWith('/fixed') ? FIXED_LEASES : znode.line.endsWith('/limited') ? leases : null;
  if (limit === null) {
    return znode.marker === '__READ__' ? before.every(({ marker }) => marker === '__READ__') : before.length === 0;
  }
  const taken = line.filter(({ isLease }) => isLease).length;
  return before.length === 0 && Number(/^\d+/.exec(znode.marker)?.[0] ?? 1) <= limit - taken;
}
