import type { Held, History, Limit } from './history.js';

/** Everything in a history that no lock may do, one line each. Pure. */
export function offencesIn(history: History): string[] {
  return [
    ...overlapsIn(history),
    ...excessesIn(history),
    ...disorderIn(history),
    ...regressionsIn(history),
    ...unfoundedIn(history),
    ...groundlessRefusalsIn(history),
  ];
}

/** Holds that both believed in at one moment, though one of them excludes the other. */
function overlapsIn({ held }: Pick<History, 'held'>): string[] {
  return conflictsAmong(held.filter(isBelieved))
    .filter(([earlier, later]) => later.from < earlier.to)
    .map(([earlier, later]) => `overlap: ${name(earlier)} and ${name(later)}`);
}

/** Leases that were granted beyond their number. A number that was changed meanwhile counts with what it was, and with what it became. */
function excessesIn({ held, limits }: Pick<History, 'held' | 'limits'>): string[] {
  const leases = held.filter(({ mode }) => mode === 'lease').filter(isBelieved);
  return leases.flatMap((lease) => {
    const beside = leases.filter(({ line, from, to }) => line === lease.line && from <= lease.from && lease.from < to);
    const taken = beside.reduce((sum, { permits }) => sum + permits, 0);
    const most = mostLeases(limits, lease.line, lease.asked, lease.from);
    return taken <= most ? [] : [`excess: ${taken} leases of ${most}, with ${name(lease)}`];
  });
}

/** Holds that came before others who had stood before them in the line. Readers are not ordered among themselves. */
function disorderIn({ held }: Pick<History, 'held'>): string[] {
  const believed = held.filter(isBelieved);
  const locks = conflictsAmong(believed);
  // Two replies may overtake each other; what the server did first has the smaller token.
  const leases = pairsOf(
    believed.filter(({ mode }) => mode === 'lease'),
    (a, b) => Number(a.token - b.token),
  );
  return [...locks, ...leases]
    .filter(
      ([earlier, later]) =>
        later.number < earlier.number || (later.number === earlier.number && !isOne(earlier, later)),
    )
    .map(([earlier, later]) => `disorder: ${name(earlier)} before ${name(later)}`);
}

/** Tokens that are not larger than those of whom the holder had to wait for. Who was a writer reads on with the writer's token. */
function regressionsIn({ held }: Pick<History, 'held'>): string[] {
  return conflictsAmong(held.filter(isBelieved))
    .filter(
      ([earlier, later]) => later.token <= earlier.token && !(earlier.number === later.number && isOne(earlier, later)),
    )
    .map(([earlier, later]) => `token regression: ${name(earlier)} before ${name(later)}`);
}

/** Holds that were believed in while one of their znodes was not there. */
function unfoundedIn({ held, presences }: Pick<History, 'held' | 'presences'>): string[] {
  const byPath = new Map(presences.map((presence) => [presence.path, presence]));
  return held.filter(isBelieved).flatMap((hold) =>
    hold.paths.flatMap((path) => {
      const presence = byPath.get(path);
      const isFounded = presence !== undefined && presence.from <= hold.from && hold.to <= presence.to;
      return isFounded
        ? []
        : [`unfounded: ${name(hold)}, with ${path} there from ${presence?.from} to ${presence?.to}`];
    }),
  );
}

/** Who was refused though nobody else was in the line: one znode, at most, was the own one. */
function groundlessRefusalsIn({ refusals, presences, limits }: Omit<History, 'held'>): string[] {
  return refusals
    .filter(({ lines, permits, from, to }) =>
      lines.every((line) => {
        const present = presences.filter((one) => one.line === line && one.from < to && from < one.to);
        return present.length < 2 && permits <= fewestLeases(limits, line, from, to);
      }),
    )
    .map(({ contender, lines, from, to }) => `groundless refusal: ${contender} on ${lines} from ${from} to ${to}`);
}

/** Neither ended before it began to be believed in, nor were its znodes taken away before. */
function isBelieved({ from, to }: Held): boolean {
  return from < to;
}

/** Pairs of one line of which one excludes the other, each in the order of time. */
function conflictsAmong(held: readonly Held[]): (readonly [Held, Held])[] {
  const locks = held.filter(({ mode }) => mode !== 'lease');
  return pairsOf(locks, (a, b) => a.from - b.from).filter((pair) => pair.some(({ mode }) => mode === 'exclusive'));
}

function pairsOf(held: readonly Held[], order: (a: Held, b: Held) => number): (readonly [Held, Held])[] {
  const ordered = [...held].sort(order);
  return ordered.flatMap((earlier, index) =>
    ordered
      .slice(index + 1)
      .filter(({ line }) => line === earlier.line)
      .map((later) => [earlier, later] as const),
  );
}

/** Whether a writer has turned into that reader. */
function isOne(earlier: Held, later: Held): boolean {
  return earlier.contender === later.contender && earlier.mode === 'exclusive' && later.mode === 'shared';
}

function mostLeases(limits: readonly Limit[], line: string, from: number, to: number): number {
  return Math.max(0, ...inForce(limits, line, from, to));
}

function fewestLeases(limits: readonly Limit[], line: string, from: number, to: number): number {
  return Math.min(Number.POSITIVE_INFINITY, ...inForce(limits, line, from, to));
}

function inForce(limits: readonly Limit[], line: string, from: number, to: number): number[] {
  return limits.filter((one) => one.line === line && one.from <= to && from <= one.to).map(({ leases }) => leases);
}

function name({ contender, line, mode, number, token, from, to }: Held): string {
  return `${contender} (${mode} on ${line}, number ${number}, token ${token}, ${from} to ${to})`;
}
