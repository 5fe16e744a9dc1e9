import type { WatchKind } from './watch-table.js';
import type { WatchedEventType } from './watched-event.js';

/** Modes of watches that stay. @see org.apache.zookeeper.AddWatchMode */
export const AddWatchMode = {
  /** Events of the znode and of its children list. */
  PERSISTENT: 'PERSISTENT',
  /** Events of the znode and of everything below it, but none of children lists. */
  PERSISTENT_RECURSIVE: 'PERSISTENT_RECURSIVE',
} as const;

/** Modes of watches that stay, by name. */
export type AddWatchMode = keyof typeof AddWatchMode;

/** How `addWatch` says a mode, and the kind of watch that it sets. */
export const modeTraits: Readonly<Record<AddWatchMode, { readonly wire: number; readonly kind: WatchKind }>> = {
  PERSISTENT: { wire: 0, kind: 'persistent' },
  PERSISTENT_RECURSIVE: { wire: 1, kind: 'recursive' },
};

/** Which watches to remove. `ANY` is all of them. @see org.apache.zookeeper.Watcher.WatcherType */
export type WatcherType = 'CHILDREN' | 'DATA' | 'ANY' | 'PERSISTENT' | 'PERSISTENT_RECURSIVE';

interface TypeTraits {
  readonly wire: number;
  readonly kinds: readonly WatchKind[];
  readonly isOneShot: boolean;
  readonly isPersistent: boolean;
}

/** The type of all watches of a path, in ZooKeeper's numbers. */
export const ANY_ON_WIRE = 3;

const oneShot = { isOneShot: true, isPersistent: false };
const persistent = { isOneShot: false, isPersistent: true };

/** What each type is called on the wire, and which kinds of watches it means. */
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

/** By which event the removal of a watch is told. */
export const removedEvents: Readonly<Record<WatchKind, WatchedEventType>> = {
  data: 'DataWatchRemoved',
  exist: 'DataWatchRemoved',
  child: 'ChildWatchRemoved',
  persistent: 'PersistentWatchRemoved',
  recursive: 'PersistentWatchRemoved',
};

/** By which type a watch is removed. */
export const typeOf: Readonly<Record<WatchKind, WatcherType>> = {
  data: 'DATA',
  exist: 'DATA',
  child: 'CHILDREN',
  persistent: 'PERSISTENT',
  recursive: 'PERSISTENT_RECURSIVE',
};
