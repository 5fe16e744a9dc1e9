/** Frames of the stack of an error that is made for a caller: those of the client, of `@zk-recipes/core` and of a recipe come before the caller's. */
const FRAMES = 50;

/**
 * Makes an error whose stack is long enough to reach the caller's frames; Node keeps ten, which the async functions in between use up. To be called
 * behind an `await` of the call that the error is made for.
 *
 * @param make a function that makes the error at once
 */
export function withCallerFrames<T>(make: () => T): T {
  const { stackTraceLimit } = Error;
  // An application that wants no stacks, or longer ones, has its way.
  if (!(stackTraceLimit > 0 && stackTraceLimit < FRAMES)) return make();
  // Without effect, and without an exception, where the globals are frozen.
  Reflect.set(Error, 'stackTraceLimit', FRAMES);
  try {
    return make();
  } finally {
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  }
}
