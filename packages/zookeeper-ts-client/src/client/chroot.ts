import { validatePath } from '../protocol/znode-path.js';

/** Converts paths between the client, whose paths are relative to its chroot, and the server, which does not know chroots. */
export class Chroot {
  /** Path of the chroot; `''` when there is no chroot. */
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Converts a client path to a server path. */
  toServer(path: string): string {
    if (this.root === '') return path;
    return path === '/' ? this.root : this.root + path;
  }

  /**
   * Checks a client path of the caller and converts it to a server path.
   *
   * @throws {TypeError | RangeError} when the path is not valid
   */
  serverPath(path: string): string {
    validatePath(path);
    return this.toServer(path);
  }

  /** Converts a server path to a client path. A path outside the chroot, such as `/zookeeper/config`, is returned unchanged. */
  toClient(path: string): string {
    if (this.root === '' || !path.startsWith(this.root)) return path;
    if (path.length === this.root.length) return '/';
    return path[this.root.length] === '/' ? path.slice(this.root.length) : path;
  }
}
