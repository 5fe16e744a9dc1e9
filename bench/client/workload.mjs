/**
 * What every client is put through. Plain data and one loop, the same for all: what is measured beside the client itself
 * is one counter an operation.
 */

/** The operations in the order in which they run: nodes are created by the first, and gone after the last. */
export const OPERATIONS = ['create', 'get', 'set', 'exists', 'delete'];

/** Bytes of data of each znode. */
export const DATA_BYTES = 100;

/** Requests under way at once: a busy service, and one that waits for each answer. */
export const WINDOWS = [256, 1];

/** Waiting for each answer takes many times longer: so many times fewer operations say as much. */
export const opsAtWindow = (window, ops) => (window === 1 ? Math.max(1, Math.round(ops / 10)) : ops);

/** Paths of one round, made beforehand. All of one length, as those of the pre-encoded frames are. */
export function pathsBelow(folder, count) {
  return Array.from({ length: count }, (_, index) => `${folder}/n${String(index).padStart(7, '0')}`);
}

/**
 * Puts a client through an operation on each path with `window` requests under way.
 *
 * @param operations makes, of what to do after a success and after a failure, a function of the path for each operation
 * @returns resolves when the last is answered
 */
export function pump(operations, operation, paths, window) {
  return new Promise((resolve, reject) => {
    let next = 0;
    let answered = 0;
    const succeed = () => {
      answered++;
      if (next < paths.length) perform(paths[next++]);
      else if (answered === paths.length) resolve();
    };
    const perform = operations(succeed, reject)[operation];
    while (next < Math.min(window, paths.length)) perform(paths[next++]);
  });
}
