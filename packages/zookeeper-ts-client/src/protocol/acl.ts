import { type Codec, int, record, ustring, vector } from '../jute/codec.js';

/** Subject of an ACL entry: `Id` of zookeeper.jute. */
export interface Id {
  /** Authentication scheme: `world`, `auth`, `digest`, `ip`, `x509`, `sasl`, or a scheme for which the server has a plug-in. */
  readonly scheme: string;
  /** Id within the scheme: `anyone`, `user:base64(sha1(user:password))`, `10.0.0.0/8`, … */
  readonly id: string;
}
export const Id: Codec<Id> = record({ scheme: ustring, id: ustring });

/** Entry of an access control list: a subject and its permissions. `ACL` of zookeeper.jute; its id is flattened as on the wire. */
export interface Acl {
  /** Permissions: sum of values of `Perms`. */
  readonly perms: number;
  readonly id: Id;
}
export const Acl: Codec<Acl> = record({ perms: int, id: Id });

/** Codec of a jute `vector<ACL>`. */
export const AclList: Codec<readonly Acl[]> = vector(Acl);
