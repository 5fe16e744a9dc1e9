import type { EndReason } from '../session/session-state.js';

/**
 * Type of a change to a znode or to its watches.
 *
 * @see org.apache.zookeeper.Watcher.Event.EventType
 */
export type WatchedEventType =
  | 'None'
  | 'NodeCreated'
  | 'NodeDeleted'
  | 'NodeDataChanged'
  | 'NodeChildrenChanged'
  | 'DataWatchRemoved'
  | 'ChildWatchRemoved'
  | 'PersistentWatchRemoved';

/**
 * State of the session at the time of the event.
 *
 * @see org.apache.zookeeper.Watcher.Event.KeeperState
 */
export type KeeperState = 'SyncConnected' | 'Disconnected' | 'ConnectedReadOnly' | 'Expired' | 'AuthFailed' | 'Closed';

/**
 * Event of a watch. The event says that something changed, but does not contain the new value: read the znode again.
 *
 * A watcher receives the events of its znode. If the watch is still set when the session ends, the watcher receives a last event. That
 * event has the type `None`, the state `Expired`, `AuthFailed` or `Closed`, and the path `null`.
 */
export interface WatchedEvent {
  readonly type: WatchedEventType;
  readonly state: KeeperState;
  /** Path relative to the client's chroot; `null` for the last event, when the session has ended. */
  readonly path: string | null;
}

/**
 * Function that is called once for each event of a watch. An error that it throws becomes a `callbackError` event and has no other
 * effect.
 */
export type Watcher = (event: WatchedEvent) => void;

const types: readonly (WatchedEventType | undefined)[] = [
  undefined,
  'NodeCreated',
  'NodeDeleted',
  'NodeDataChanged',
  'NodeChildrenChanged',
];

/** Returns the name of an event type of the wire; `null` for a type that this client does not know. */
export function eventTypeOf(type: number): WatchedEventType | null {
  return types[type] ?? null;
}

/** Creates the last event of the watches of a session that has ended. */
export function endEvent(reason: EndReason): WatchedEvent {
  const state = reason === 'expired' ? 'Expired' : reason === 'closed' ? 'Closed' : 'AuthFailed';
  return { type: 'None', state, path: null };
}
