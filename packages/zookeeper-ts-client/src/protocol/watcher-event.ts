import { type Codec, int, record, ustring } from '../jute/codec.js';

/** `WatcherEvent` of zookeeper.jute: body of a notification. */
export interface WatcherEvent {
  readonly type: number;
  /** State of the session; a server always sends 3 (SyncConnected). */
  readonly state: number;
  readonly path: string;
}
export const WatcherEvent: Codec<WatcherEvent> = record({ type: int, state: int, path: ustring });

/**
 * Event types that a server sends.
 *
 * @see org.apache.zookeeper.Watcher.Event.EventType
 */
export const EventType = {
  NodeCreated: 1,
  NodeDeleted: 2,
  NodeDataChanged: 3,
  NodeChildrenChanged: 4,
} as const;
