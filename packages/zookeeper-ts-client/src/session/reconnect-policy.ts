/** How long to wait between attempts to connect. */
export interface ReconnectDelays {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

/**
 * Milliseconds before the next attempt. Another server is tried at once; when all have been tried, a random pause follows
 * that doubles with each round, so that clients of a lost ensemble do not come back in one wave.
 *
 * @param round how many times all servers have been tried since the last success, 0 while there is one left
 */
export function reconnectDelayMs(delays: ReconnectDelays, round: number, random: () => number): number {
  if (round === 0) return 0;
  const ceiling = Math.min(delays.maxDelayMs, delays.minDelayMs * 2 ** Math.min(round, 30));
  return delays.minDelayMs + random() * Math.max(0, ceiling - delays.minDelayMs);
}
