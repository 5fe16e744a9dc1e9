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
}

const before39: Behaviour = {
  notificationHasZxid: false,
  keepsSeveralModes: false,
  hasPersistentWatcherTypes: false,
  multiHasStat: false,
  existsNeedsRead: false,
};

const since39: Behaviour = {
  notificationHasZxid: true,
  keepsSeveralModes: true,
  hasPersistentWatcherTypes: true,
  multiHasStat: true,
  existsNeedsRead: true,
};

/** What a server is to be held to, by what it says of its version; the test server says what it was told to be. */
export function behaviourOf(srvr: string, kind: string): Behaviour {
  const minor = /version: 3\.(\d+)/.exec(srvr)?.[1];
  return Number(minor) < 9 || kind.endsWith('3.8') ? before39 : since39;
}
