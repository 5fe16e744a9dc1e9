import type { WatchKind } from './watch-table.js';
import type { WatchedEventType } from './watched-event.js';

/**
 * Modes of persistent watches.
 *
 * @see org.apache.zookeeper.AddWatchMode
 */
export const AddWatchMode = {
  /** Reports events of the znode and of its children list. */
  PERSISTENT: 'PERSISTENT',
  /** Reports events of the znode and of all its descendants, but no changes of children lists. */
  PERSISTENT_RECURSIVE: 'PERSISTENT_RECURSIVE',
} as const;

/** Name of a mode of persistent watches. */
export type AddWatchMode = keyof typeof AddWatchMode;

/** Number of each mode in an `addWatch` request, and the kind of watch that the mode sets. */
export const modeTraits: Readonly<Record<AddWatchMode, { readonly wire: number; readonly kind: WatchKind }>> = {
  PERSISTENT: { wire: 0, kind: 'persistent' },
  PERSISTENT_RECURSIVE: { wire: 1, kind: 'recursive' },
};

/**
 * Type of the watches to remove. `ANY` selects all watches.
 *
 * @see org.apache.zookeeper.Watcher.WatcherType
 */
export type WatcherType = 'CHILDREN' | 'DATA' | 'ANY' | 'PERSISTENT' | 'PERSISTENT_RECURSIVE';

interface TypeTraits {
  readonly wire: number;
  readonly kinds: readonly WatchKind[];
  readonly isOneShot: boolean;
  readonly isPersistent: boolean;
}

/** ZooKeeper's number for the type of all watches of a path. */
export const ANY_ON_WIRE = 3;

const oneShot = { isOneShot: true, isPersistent: false };
const persistent = { isOneShot: false, isPersistent: true };

/** Number of each type on the wire, and the kinds of watches that the type selects. */
export const typeTraits: Readonly<Record<WatcherType, TypeTraits>> = {
  CHILDREN: { wire: 1, kinds: ['child'], ...oneShot },
  DATA: { wire: 2, kinds: ['data', 'exist'], ...oneShot },
  ANY: {
    wire: ANY_ON_WIRE,
    kinds: ['data', 'exist', 'child', 'persistent', 'recursive'],
    isOneShot: false,
    isPersistent: false,
  },
  PERSISTENT: { wire: 4, kinds: ['persistent'], ...persistent },
  PERSISTENT_RECURSIVE: { wire: 5, kinds: ['recursive'], ...persistent },
};

/** Type of the event that reports the removal of a watch, by kind. */
export const removedEvents: Readonly<Record<WatchKind, WatchedEventType>> = {
  data: 'DataWatchRemoved',
  exist: 'DataWatchRemoved',
  child: 'ChildWatchRemoved',
  persistent: 'PersistentWatchRemoved',
  recursive: 'PersistentWatchRemoved',
};

/** Type with which a watch is removed, by kind. */
export const typeOf: Readonly<Record<WatchKind, WatcherType>> = {
  data: 'DATA',
  exist: 'DATA',
  child: 'CHILDREN',
  persistent: 'PERSISTENT',
  recursive: 'PERSISTENT_RECURSIVE',
};
