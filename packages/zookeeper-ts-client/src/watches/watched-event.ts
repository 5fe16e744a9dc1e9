import type { EndReason } from '../session/session-state.js';

/** What happened to a znode. @see org.apache.zookeeper.Watcher.Event.EventType */
export type WatchedEventType =
  | 'None'
  | 'NodeCreated'
  | 'NodeDeleted'
  | 'NodeDataChanged'
  | 'NodeChildrenChanged'
  | 'DataWatchRemoved'
  | 'ChildWatchRemoved'
  | 'PersistentWatchRemoved';

/** State of the session at the time of the event. @see org.apache.zookeeper.Watcher.Event.KeeperState */
export type KeeperState = 'SyncConnected' | 'Disconnected' | 'ConnectedReadOnly' | 'Expired' | 'AuthFailed' | 'Closed';

/**
 * A watch that fired. It says that something changed, not what: read again.
 *
 * A watch function gets the events of its znode, and at last, if it is still set when the session ends, one of type `None`
 * with state `Expired`, `AuthFailed` or `Closed` and path `null`: nothing will come after it.
 */
export interface WatchedEvent {
  readonly type: WatchedEventType;
  readonly state: KeeperState;
  /** The path as the client knows it, below its chroot. */
  readonly path: string | null;
}

/** A watch: called once for each event. What it throws goes to the `callbackError` event and harms nothing. */
export type Watcher = (event: WatchedEvent) => void;

const types: readonly (WatchedEventType | undefined)[] = [
  undefined,
  'NodeCreated',
  'NodeDeleted',
  'NodeDataChanged',
  'NodeChildrenChanged',
];

/** Name of an event type of the wire, `null` for one that this client does not know. */
export function eventTypeOf(type: number): WatchedEventType | null {
  return types[type] ?? null;
}

/** The last event of watches whose session has ended. */
export function endEvent(reason: EndReason): WatchedEvent {
  const state = reason === 'expired' ? 'Expired' : reason === 'closed' ? 'Closed' : 'AuthFailed';
  return { type: 'None', state, path: null };
}
