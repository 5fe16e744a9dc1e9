import { createHash } from 'node:crypto';
import { received } from '../checks/received.js';
import type { Acl } from '../protocol/acl.js';

/**
 * Permissions of an ACL entry. Add the values to combine permissions.
 *
 * @see org.apache.zookeeper.ZooDefs.Perms
 */
export const Perms = { READ: 1, WRITE: 2, CREATE: 4, DELETE: 8, ADMIN: 16, ALL: 31 } as const;

/** ACL that allows everything to every client. Default ACL, as in every ZooKeeper client. */
export const openAclUnsafe: readonly Acl[] = [{ perms: Perms.ALL, id: { scheme: 'world', id: 'anyone' } }];

/** ACL that allows every client to read. */
export const readAclUnsafe: readonly Acl[] = [{ perms: Perms.READ, id: { scheme: 'world', id: 'anyone' } }];

/** ACL that allows everything to the creator of the znode. Requires credentials, see `addAuth`. */
export const creatorAllAcl: readonly Acl[] = [{ perms: Perms.ALL, id: { scheme: 'auth', id: '' } }];

/** Credentials: a scheme, and bytes or a string that is sent as UTF-8. */
export interface Auth {
  readonly scheme: string;
  readonly auth: Uint8Array | string;
}

/**
 * Creates credentials of the scheme `digest`. The client sends them over the network in clear text unless it uses TLS.
 *
 * @throws {TypeError} when `user` or `password` is not a string
 */
export function digestAuth(user: string, password: string): Auth {
  checkUser('digestAuth', user, password);
  return { scheme: 'digest', auth: Buffer.from(`${user}:${password}`) };
}

/**
 * Returns the ACL id of the user of `digestAuth(user, password)`: `user:base64(SHA-1("user:password"))`.
 *
 * @throws {TypeError} when `user` or `password` is not a string
 */
export function digestId(user: string, password: string): string {
  checkUser('digestId', user, password);
  return `${user}:${createHash('sha1').update(`${user}:${password}`).digest('base64')}`;
}

function checkUser(where: string, user: unknown, password: unknown): void {
  for (const [name, value] of Object.entries({ user, password })) {
    if (typeof value === 'string') continue;
    throw new TypeError(
      `Expected \`${name}\` of ${where}(user, password) to be a string, got ${received(value, true)}`,
    );
  }
}
