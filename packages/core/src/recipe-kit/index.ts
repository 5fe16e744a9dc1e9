/**
 * What recipes are made of: for authors of recipes, ours and others.
 *
 * @packageDocumentation
 */

// Going on, telling, checking
export { acrossSessions } from './across-sessions.js';
export { checkOptions, z } from '../check-options.js';
// Paths
export { childOf, nameOf, parentOf } from '../execution/namespace.js';
export { callListener, EventListeners, type Listener, Listeners } from '../listeners.js';
// Waiting for a znode
export {
  type AwaitDeletionOptions,
  type AwaitOptions,
  removeWatch,
  untilChildren,
  untilCreated,
  untilDeleted,
} from './await-znode.js';
export { Change } from './change.js';
// A place in a line
export { type EnrolOptions, enrol, enrolInAll, type Line } from './enrolment.js';
// Holding
export { type Hold, type LossPolicy, MemberHold, type MemberHoldOptions } from './hold.js';
export { LazySignal } from './lazy-signal.js';
export {
  isAdmitted,
  type Obstacle,
  type ObstacleOf,
  oneAtATime,
  type QueueOptions,
  untilAdmitted,
  untilFirst,
} from './line.js';
export { giveUp, type Member, memberOf } from './member.js';
export { type PersevereOptions, persevere } from './persevere.js';
export { inSequence, predecessorOf, sequenceKey } from './sequence.js';
export { epochValidForMs, onSessionLapse, withinSession } from './session-lapse.js';
