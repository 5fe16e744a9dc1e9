const ends = new WeakSet<AbortSignal>();

/** A signal that is to abort when a session is over, and another one has taken its place. */
export function sessionEnd(): AbortController {
  const end = new AbortController();
  ends.add(end.signal);
  return end;
}

/**
 * The signal to which somebody has to listen who ends with the session anyway, as requests and watches do: none where it says just that.
 * Many share such a signal, and to add and to remove a listener takes longer than most that is done with an answer.
 */
export function beyondSession(signal: AbortSignal | undefined): AbortSignal | undefined {
  return signal === undefined || ends.has(signal) ? undefined : signal;
}
