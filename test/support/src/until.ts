/** What {@link until} waits for, and how long. */
export interface UntilOptions {
  /** What is awaited, as the object of "Waited for …"; it becomes the message when the time is up. */
  readonly what: string;
  /** Longest time to wait, in milliseconds; 30 000 by default. */
  readonly timeoutMs?: number;
  /** Pause between two looks, in milliseconds; 20 by default. */
  readonly everyMs?: number;
}

/**
 * Looks at a condition again and again until it holds: for what announces itself by no event, such as a server
 * in another process that begins to serve.
 *
 * @param look gives the awaited value, or `undefined` while there is none; what it throws counts as "not yet"
 * @throws Error when the time is up, with the last thing that `look` threw as its cause
 */
export async function until<T>(look: () => Promise<T | undefined> | T | undefined, options: UntilOptions): Promise<T> {
  const { what, timeoutMs = 30_000, everyMs = 20 } = options;
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await look();
      if (value !== undefined) return value;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`, { cause });
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
