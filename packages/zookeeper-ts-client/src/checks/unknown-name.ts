/**
 * Suggests the name that was probably meant, or lists the known names.
 *
 * @param name unknown name
 * @param known all known names
 * @returns second half of a message that begins with the unknown name
 */
export function unknownNameHint(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  if (nearest !== null) return `did you mean \`${nearest}\`?`;
  if (known.length === 0) return 'expected no options';
  return `expected ${known.length === 1 ? '' : 'one of '}${known.map((one) => `\`${one}\``).join(', ')}`;
}

/** Returns the known name that is most similar to `name`; `null` when no known name is similar. */
export function nearestName(name: string, known: readonly string[]): string | null {
  const lower = name.toLowerCase();
  let nearest: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = distanceBetween(lower, candidate.toLowerCase());
    if (distance < least && isNear(lower, candidate.toLowerCase(), distance)) {
      nearest = candidate;
      least = distance;
    }
  }
  return nearest;
}

/**
 * Whether two names are similar: a third of the characters may differ, or one name begins with the other, such as `timeout` and
 * `timeoutMs`.
 */
function isNear(name: string, candidate: string, distance: number): boolean {
  if (distance <= Math.max(1, Math.floor(Math.max(name.length, candidate.length) / 3))) return true;
  return name.length > 1 && candidate.length > 1 && (name.startsWith(candidate) || candidate.startsWith(name));
}

/** Counts the edits that turn one text into the other: insert, delete or replace a character, or swap it with its neighbour. */
function distanceBetween(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const cost = from[row - 1] === to[column - 1] ? 0 : 1;
      const isSwap = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const steps = [at(last, column) + 1, at(current, column - 1) + 1, at(last, column - 1) + cost];
      current.push(Math.min(...steps, isSwap ? at(beforeLast, column - 2) + 1 : Number.POSITIVE_INFINITY));
    }
    beforeLast = last;
    last = current;
  }
  return at(last, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
