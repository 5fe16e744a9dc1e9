/**
 * Who held what, from when to when, on the one clock that all contenders of this process share. It asks everybody at the moment of
 * each grant, so what it finds needs no tolerance.
 */
export class Journal {
  /** Number of grants. */
  sections = 0;
  /** What no lock may do, in words. */
  offences = [];
  /** Most readers, or leases, at one time. */
  mostTogether = 0;
  #lines = new Map();

  /**
   * Somebody was granted something.
   *
   * @param {{ line: string, mode: 'exclusive' | 'shared' | 'lease', permits?: number, limit?: number }} what
   * @param {import('@zk-recipes/core').Hold} hold
   * @returns {() => void} to be called before it is released
   */
  granted({ line, mode, permits = 1, limit = 1 }, hold) {
    const now = performance.now();
    const all = this.#lineOf(line, now);
    const believed = [...all.holds].filter((other) => other.hold.state === 'held');
    const entry = { hold, mode, permits };
    this.sections += 1;
    if (mode === 'lease') {
      const taken = believed.reduce((sum, other) => sum + other.permits, permits);
      this.mostTogether = Math.max(this.mostTogether, taken);
      if (taken > limit) this.offences.push(`excess: ${taken} of ${limit} leases on ${line}`);
    } else {
      const excluded = believed.filter((other) => mode === 'exclusive' || other.mode === 'exclusive');
      for (const other of excluded) this.offences.push(`overlap: ${other.hold.path} and ${hold.path}`);
      if (mode === 'shared') this.mostTogether = Math.max(this.mostTogether, believed.length + 1);
    }
    if (mode === 'exclusive') {
      if (hold.fencingToken <= all.token) this.offences.push(`token regression: ${all.token}, then ${hold.path}`);
      all.token = hold.fencingToken;
    }
    if (all.holds.size === 0) all.gapMs = Math.max(all.gapMs, now - all.idleSinceMs);
    all.holds.add(entry);
    return () => {
      all.holds.delete(entry);
      if (all.holds.size === 0) all.idleSinceMs = performance.now();
    };
  }

  /** The longest time in milliseconds for which nobody had a line, the time until now included. */
  get maxGapMs() {
    const now = performance.now();
    const gaps = [...this.#lines.values()].map(({ holds, gapMs, idleSinceMs }) =>
      holds.size === 0 ? Math.max(gapMs, now - idleSinceMs) : gapMs,
    );
    return Math.round(Math.max(0, ...gaps));
  }

  #lineOf(line, now) {
    const known = this.#lines.get(line) ?? { holds: new Set(), token: 0n, gapMs: 0, idleSinceMs: now };
    this.#lines.set(line, known);
    return known;
  }
}
