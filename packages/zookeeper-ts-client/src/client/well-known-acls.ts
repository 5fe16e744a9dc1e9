import { createHash } from 'node:crypto';
import { received } from '../checks/received.js';
import type { Acl } from '../protocol/acl.js';

/** What an ACL entry allows; the values add up. @see org.apache.zookeeper.ZooDefs.Perms */
export const Perms = { READ: 1, WRITE: 2, CREATE: 4, DELETE: 8, ADMIN: 16, ALL: 31 } as const;

/** Everybody may do everything: the default, as in every ZooKeeper client. */
export const openAclUnsafe: readonly Acl[] = [{ perms: Perms.ALL, id: { scheme: 'world', id: 'anyone' } }];

/** Everybody may read. */
export const readAclUnsafe: readonly Acl[] = [{ perms: Perms.READ, id: { scheme: 'world', id: 'anyone' } }];

/** Whoever creates the znode may do everything; needs credentials, see `addAuth`. */
export const creatorAllAcl: readonly Acl[] = [{ perms: Perms.ALL, id: { scheme: 'auth', id: '' } }];

/** Credentials: a scheme and what it takes, bytes or a string that becomes UTF-8. */
export interface Auth {
  readonly scheme: string;
  readonly auth: Uint8Array | string;
}

/** Credentials of the scheme `digest`. They cross the network in clear. @throws TypeError unless both are strings */
export function digestAuth(user: string, password: string): Auth {
  checkUser('digestAuth', user, password);
  return { scheme: 'digest', auth: Buffer.from(`${user}:${password}`) };
}

/** The id under which an ACL knows the user of `digestAuth(user, password)`: `user:base64(SHA-1("user:password"))`. @throws TypeError unless both are strings */
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
