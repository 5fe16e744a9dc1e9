/**
 * Number of stack frames of an error made for a caller. The frames of the client, of `@zk-recipes/core` and of a recipe come before the
 * caller's frames.
 */
const FRAMES = 50;

/**
 * Makes an error whose stack is long enough to reach the caller's frames. By default Node keeps ten frames, which the async functions in
 * between use up. Callers use this function after an `await` in the call that the error is made for.
 *
 * @param make a function that makes the error synchronously
 */
export function withCallerFrames<T>(make: () => T): T {
  const { stackTraceLimit } = Error;
  // An application that wants no stacks, or longer stacks, keeps its own limit.
  if (!(stackTraceLimit > 0 && stackTraceLimit < FRAMES)) return make();
  // Where the globals are frozen, `Reflect.set` has no effect and throws no exception.
  Reflect.set(Error, 'stackTraceLimit', FRAMES);
  try {
    return make();
  } finally {
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  }
}
