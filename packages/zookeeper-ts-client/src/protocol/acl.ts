import { type Codec, int, record, ustring, vector } from '../jute/codec.js';

/** Who: `Id` of zookeeper.jute. */
export interface Id {
  /** `world`, `auth`, `digest`, `ip`, `x509`, `sasl`, or a scheme that the server has a plug-in for. */
  readonly scheme: string;
  /** What it is depends on the scheme: `anyone`, `user:base64(sha1(user:password))`, `10.0.0.0/8`, … */
  readonly id: string;
}
export const Id: Codec<Id> = record({ scheme: ustring, id: ustring });

/** One entry of an access control list: who may do what. `ACL` of zookeeper.jute, its id flattened as on the wire. */
export interface Acl {
  /** Sum of `Perms`. */
  readonly perms: number;
  readonly id: Id;
}
export const Acl: Codec<Acl> = record({ perms: int, id: Id });

/** jute `vector<ACL>`. */
export const AclList: Codec<readonly Acl[]> = vector(Acl);
