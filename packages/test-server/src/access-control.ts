import { createHash } from 'node:crypto';
import type { Acl, Id } from 'zookeeper-ts-client/protocol';
import { addressMatches, isAddressRange } from './ip-range.js';
import { type GivenAcl, present } from './request-records.js';

export type { Acl, Id } from 'zookeeper-ts-client/protocol';

/** What an ACL entry allows; an entry has the sum. @see org.apache.zookeeper.ZooDefs.Perms */
export const Perms = { READ: 1, WRITE: 2, CREATE: 4, DELETE: 8, ADMIN: 16, ALL: 31 } as const;

/** Everything for everybody. */
export const OPEN_ACL: readonly Acl[] = [{ perms: Perms.ALL, id: { scheme: 'world', id: 'anyone' } }];

/** How the ids of one scheme are checked and compared. */
interface Scheme {
  /** @param knowsIpv6 whether addresses may be of IPv6 */
  isValid(id: string, knowsIpv6: boolean): boolean;
  matches(held: string, wanted: string): boolean;
  /** Whether its ids prove who somebody is, so that `auth` stands for them. */
  readonly isAuthenticating: boolean;
  /** What `whoAmI` shows of an id. */
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

/** Whether somebody with these identities may do what needs one of these permissions. */
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
 * The ACL that a request leads to: without repetitions, with `auth` replaced by who the client is.
 *
 * @param knowsIpv6 whether ids of the scheme `ip` may be addresses of IPv6
 * @returns `null` when it is not a valid one
 * @throws {UnexpectedNullError} when the id of a scheme that looks at it is null
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

/** The ACL for the eyes of somebody who may not administer it: no digests. */
export function maskDigests(acl: readonly Acl[]): readonly Acl[] {
  return acl.map((entry) => {
    if (entry.id.scheme !== 'digest') return entry;
    return { perms: entry.perms, id: { scheme: 'digest', id: entry.id.id.replace(/:.*/, ':x') } };
  });
}

/**
 * The identities that a credential proves.
 *
 * @param superDigest digest of the super user, `user:base64(sha1(user:password))`
 * @returns `null` when the scheme is unknown or takes no credentials, or when there are none
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

/** The id of a `user:password`. */
export function digestOf(credential: string): string {
  const user = credential.split(':')[0] as string;
  return `${user}:${createHash('sha1').update(credential, 'utf8').digest('base64')}`;
}

/** What `whoAmI` shows of an identity. */
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

/** Compares entries as the real server's records do: field by field, stumbling over a null of the first one. */
function isSame(entry: GivenAcl, other: GivenAcl): boolean {
  if (entry.perms !== other.perms || present(entry.id.scheme) !== other.id.scheme) return false;
  return present(entry.id.id) === other.id.id;
}
