const ends = new WeakSet<AbortSignal>();

/** Creates a controller whose signal aborts when a session is over and another session has replaced it. */
export function sessionEnd(): AbortController {
  const end = new AbortController();
  ends.add(end.signal);
  return end;
}

/**
 * Returns the caller's signal, or `undefined` when it only says that the session ended: requests and watches end with the session anyway.
 * Many requests share such a signal, and adding and removing a listener would take longer than most processing of a reply.
 */
export function beyondSession(signal: AbortSignal | undefined): AbortSignal | undefined {
  return signal === undefined || ends.has(signal) ? undefined : signal;
}
