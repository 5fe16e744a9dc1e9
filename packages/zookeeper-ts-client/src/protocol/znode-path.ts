import { received } from '../checks/received.js';

/**
 * Characters that are not allowed in a path: control characters, surrogates, private use and specials.
 *
 * @see org.apache.zookeeper.common.PathUtils
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const forbidden = /[\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]/;

/**
 * Checks a path before it is sent.
 *
 * @param path path in ZooKeeper's form: begins with `/`, has no empty, `.` or `..` segment, and no `/` at the end
 * @param name name of the path in the message
 * @param sequential whether the server appends a sequence number, so that a `/` at the end is allowed
 * @throws {TypeError} when the path is not valid; the message contains the expected form and the received value
 */
export function validatePath(path: string, name = '`path`', sequential = false): void {
  if (typeof path !== 'string') throw new TypeError(`Expected ${name} to be a string, got ${received(path)}`);
  if (!path.startsWith('/')) throw new TypeError(`Expected ${name} to start with '/', got '${path}'`);
  if (!sequential && path.endsWith('/')) {
    if (path.length === 1) return;
    throw new TypeError(`Expected ${name} not to end with '/', got '${path}'`);
  }
  const bad = forbidden.exec(path);
  if (bad !== null) {
    const unit = bad[0].charCodeAt(0).toString(16).padStart(4, '0').toUpperCase();
    throw new TypeError(
      `Expected ${name} without the character U+${unit} at index ${bad.index}, got ${JSON.stringify(path)}`,
    );
  }
  if (path.includes('//')) throw new TypeError(`Expected ${name} without an empty segment, got '${path}'`);
  if (path.includes('/.') && /\/\.{1,2}(?:\/|$)/.test(sequential ? `${path}1` : path)) {
    throw new TypeError(`Expected ${name} without a segment '.' or '..', got '${path}'`);
  }
}
