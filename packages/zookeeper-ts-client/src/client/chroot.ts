import { validatePath } from '../protocol/znode-path.js';

/** Translates between the paths of the client, below its chroot, and those of the server. The server knows nothing of chroots. */
export class Chroot {
  /** `''` where there is none. */
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** The server's path of a client's path. */
  toServer(path: string): string {
    if (this.root === '') return path;
    return path === '/' ? this.root : this.root + path;
  }

  /** The server's path of a client's path that a user has given. @throws TypeError or RangeError if it is no path */
  serverPath(path: string): string {
    validatePath(path);
    return this.toServer(path);
  }

  /** The client's path of a server's path; one that is not below the chroot, such as `/zookeeper/config`, stays as it is. */
  toClient(path: string): string {
    if (this.root === '' || !path.startsWith(this.root)) return path;
    if (path.length === this.root.length) return '/';
    return path[this.root.length] === '/' ? path.slice(this.root.length) : path;
  }
}
