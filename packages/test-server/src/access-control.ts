import { createHash } from 'node:crypto';
import type { Acl, Id } from 'zookeeper-ts-client/protocol';
import { addressMatches, isAddressRange } from './ip-range.js';
import { type GivenAcl, present } from './request-records.js';

export type { Acl, Id } from 'zookeeper-ts-client/protocol';

/** Permissions of an ACL entry, as bits to be added. @see org.apache.zookeeper.ZooDefs.Perms */
export const Perms = { READ: 1, WRITE: 2, CREATE: 4, DELETE: 8, ADMIN: 16, ALL: 31 } as const;

/** ACL that allows everything to every client. */
export const OPEN_ACL: readonly Acl[] = [{ perms: Perms.ALL, id: { scheme: 'world', id: 'anyone' } }];

/** Rules of a scheme: how its ids are checked and compared. */
interface Scheme {
  /** @param knowsIpv6 whether addresses may be IPv6 addresses */
  isValid(id: string, knowsIpv6: boolean): boolean;
  matches(held: string, wanted: string): boolean;
  /** Whether ids of the scheme prove an identity, so that `auth` stands for them. */
  readonly isAuthenticating: boolean;
  /** Returns the part of an id that `whoAmI` shows. */
  userName(id: string): string;
}

const schemes: ReadonlyMap<string, Scheme> = new Map<string, Scheme>([
  [
    'digest',
    {
      // Java's split drops empty parts at the end.
      isValid: (id) => id.replace(/:+$/, '').split(':').length === 2,
      matches: (held, wanted) => held === wanted,
      isAuthenticating: true,
      userName: (id) => id.split(':')[0] as string,
    },
  ],
  ['ip', { isValid: isAddressRange, matches: addressMatches, isAuthenticating: false, userName: (id) => id }],
]);

/** Whether a client with these identities has one of these permissions. */
export function isAllowed(acl: readonly Acl[], perms: number, identities: readonly Id[]): boolean {
  if (acl.length === 0) return true;
  for (const entry of acl) {
    if ((entry.perms & perms) === 0) continue;
    const { scheme, id } = entry.id;
    if (scheme === 'world' && id === 'anyone') return true;
    const rules = schemes.get(scheme);
    if (rules && identities.some((own) => own.scheme === scheme && rules.matches(own.id, id))) return true;
  }
  return identities.some(({ scheme }) => scheme === 'super');
}

/**
 * Resolves the ACL of a request: removes repetitions, and replaces `auth` by the identities of the client.
 *
 * @param knowsIpv6 whether ids of the scheme `ip` may be IPv6 addresses
 * @returns `null` when the ACL is not valid
 * @throws {UnexpectedNullError} when a scheme needs the id, and the id is null
 */
export function resolveAcl(
  acl: readonly GivenAcl[] | null,
  identities: readonly Id[],
  knowsIpv6: boolean,
): readonly Acl[] | null {
  if (acl === null || acl.length === 0) return null;
  const resolved: Acl[] = [];
  for (const entry of withoutRepetitions(acl)) {
    const { perms } = entry;
    const { scheme, id } = entry.id;
    if (scheme === null) return null;
    if (scheme === 'auth') {
      const proven = identities.filter((own) => schemes.get(own.scheme)?.isAuthenticating);
      if (proven.length === 0) return null;
      resolved.push(...proven.map((own) => ({ perms, id: own })));
    } else if (
      (scheme === 'world' && present(id) === 'anyone') ||
      schemes.get(scheme)?.isValid(present(id), knowsIpv6)
    ) {
      resolved.push({ perms, id: { scheme, id: present(id) } });
    } else {
      return null;
    }
  }
  return resolved;
}

/** Returns the ACL without digests, for a client without the permission ADMIN. */
export function maskDigests(acl: readonly Acl[]): readonly Acl[] {
  return acl.map((entry) => {
    if (entry.id.scheme !== 'digest') return entry;
    return { perms: entry.perms, id: { scheme: 'digest', id: entry.id.id.replace(/:.*/, ':x') } };
  });
}

/**
 * Returns the identities that a credential proves.
 *
 * @param superDigest digest of the super user, `user:base64(sha1(user:password))`
 * @returns `null` when the scheme is unknown or accepts no credentials, or the credential is missing
 */
export function authenticate(
  scheme: string | null,
  auth: Buffer | null,
  superDigest: string | null,
): readonly Id[] | null {
  if (scheme === 'ip') return [];
  if (scheme !== 'digest' || auth === null) return null;
  const id = digestOf(auth.toString('utf8'));
  const own = { scheme, id };
  return id === superDigest ? [{ scheme: 'super', id: '' }, own] : [own];
}

/** Returns the id of a credential `user:password`. */
export function digestOf(credential: string): string {
  const user = credential.split(':')[0] as string;
  return `${user}:${createHash('sha1').update(credential, 'utf8').digest('base64')}`;
}

/** Returns the part of an identity that `whoAmI` shows. */
export function userNameOf({ scheme, id }: Id): string {
  return schemes.get(scheme)?.userName(id) ?? '';
}

function withoutRepetitions(acl: readonly GivenAcl[]): readonly GivenAcl[] {
  const kept: GivenAcl[] = [];
  for (const entry of acl) {
    if (!kept.some((other) => isSame(entry, other))) kept.push(entry);
  }
  return kept;
}

/** Whether two entries are equal, compared field by field like the real server's records: a null in the first entry is an error. */
function isSame(entry: GivenAcl, other: GivenAcl): boolean {
  if (entry.perms !== other.perms || present(entry.id.scheme) !== other.id.scheme) return false;
  return present(entry.id.id) === other.id.id;
}
