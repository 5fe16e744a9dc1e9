/** Limits of the pause between rounds of attempts to connect, in milliseconds. */
export interface ReconnectDelays {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

/**
 * Returns the milliseconds before the next attempt. The client tries another server at once. When the client has tried all servers, a
 * random pause follows, whose upper limit doubles with each round. The clients of a lost ensemble therefore do not all reconnect at the
 * same time.
 *
 * @param round how many times the client has tried all servers since the last success; 0 while an untried server is left
 */
export function reconnectDelayMs(delays: ReconnectDelays, round: number, random: () => number): number {
  if (round === 0) return 0;
  const ceiling = Math.min(delays.maxDelayMs, delays.minDelayMs * 2 ** Math.min(round, 30));
  return delays.minDelayMs + random() * Math.max(0, ceiling - delays.minDelayMs);
}
