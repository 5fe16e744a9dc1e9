/** Where versions of ZooKeeper differ: the only expectations that depend on the server, each by its name. */
export interface Behaviour {
  /** 3.9 puts the zxid of the transaction into the header of its notification. Before, it was -1. */
  readonly notificationHasZxid: boolean;
  /** Since 3.9 a client may watch a path in several modes at once. Before, the last one replaced the others. */
  readonly keepsSeveralModes: boolean;
  /** 3.9 knows the watcher types 4 and 5. Before, they were malformed. */
  readonly hasPersistentWatcherTypes: boolean;
  /** 3.9 has the `Stat` of a `create2` in a `multi`. 3.8.0 and 3.8.1 forget it, and its type. */
  readonly multiHasStat: boolean;
  /** 3.9.2 wants READ for `exists`. Before, nothing was wanted. */
  readonly existsNeedsRead: boolean;
  /** Since 3.9 a `multi` is malformed as a whole if the ACL of a create is null, or its flags are of a TTL znode. */
  readonly multiWantsAcl: boolean;
  /**
   * What a server says to `deleteContainer` of a client: before 3.9 that its arguments are bad, from 3.9.0 on it obeys, and since 3.9.6 it ends
   * the connection.
   */
  readonly deleteContainer: 'refused' | 'done' | 'silence';
  /** Since 3.8.5 and 3.9.3 a `check` outside a `multi` is no operation. Before, one that succeeded got no reply. */
  readonly knowsCheck: boolean;
  /** 3.9.6 tells of the past by `setWatches` only who may read the znode. */
  readonly setWatchesNeedsRead: boolean;
  /** 3.9.4 knows addresses of IPv6 in the scheme `ip`. */
  readonly knowsIpv6: boolean;
}

const before39: Behaviour = {
  notificationHasZxid: false,
  keepsSeveralModes: false,
  hasPersistentWatcherTypes: false,
  multiHasStat: false,
  existsNeedsRead: false,
  multiWantsAcl: false,
  deleteContainer: 'refused',
  knowsCheck: true,
  setWatchesNeedsRead: false,
  knowsIpv6: false,
};

const since39: Behaviour = {
  notificationHasZxid: true,
  keepsSeveralModes: true,
  hasPersistentWatcherTypes: true,
  multiHasStat: true,
  existsNeedsRead: true,
  multiWantsAcl: true,
  deleteContainer: 'silence',
  knowsCheck: false,
  setWatchesNeedsRead: true,
  knowsIpv6: true,
};

/** What a server is to be held to, by what it says of its version; the test server says what it was told to be. */
export function behaviourOf(srvr: string, kind: string): Behaviour {
  const [, minor, patch] = /version: 3\.(\d+)\.(\d+)/.exec(srvr) ?? [];
  if (Number(minor) < 9 || kind.endsWith('3.8')) return before39;
  return {
    ...since39,
    existsNeedsRead: Number(patch) >= 2,
    deleteContainer: Number(patch) >= 6 ? 'silence' : 'done',
    knowsCheck: Number(patch) < 3,
    setWatchesNeedsRead: Number(patch) >= 6,
    knowsIpv6: Number(patch) >= 4,
  };
}
