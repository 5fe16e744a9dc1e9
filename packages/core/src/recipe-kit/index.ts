/**
 * Building blocks for recipes, for the authors of this project's recipes and of others.
 *
 * @packageDocumentation
 */

// Time, which stays real where a test runner fakes timers
// Checking arguments, calling listeners
// Following signals, of which each has one listener however many follow it
// Records with values of 64 bits as JSON
export {
  asBytes,
  type Clock,
  follow,
  jsonSafe,
  type Moment,
  momentOf,
  received,
  type ScheduleOptions,
  systemClock,
  unfollow,
} from 'zookeeper-ts-client';
export { checkArgument, checkOptions } from '../check-options.js';
// Ending
export { checkEnding, type EndingOptions } from '../endings.js';
export { signalOf } from '../execution/call-check.js';
export { LEFT_BEHIND } from '../execution/guaranteed-delete.js';
// Paths
export { childOf, nameOf, parentOf } from '../execution/namespace.js';
export { sleep } from '../execution/sleep.js';
export { withAnySignal } from '../execution/with-any-signal.js';
export { callListener, EventListeners, type Listener, Listeners } from '../listeners.js';
export { messageOf } from '../message-of.js';
export { isPassing, isUnknown } from '../passing-failure.js';
// Acquiring
export { handOut, runWhileHeld, standInLine } from './acquisition.js';
// Continuing across sessions
export { acrossSessions } from './across-sessions.js';
export { asJson } from './as-json.js';
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
export { checkFunction, checkKeeper, checkPlace } from './check-arguments.js';
// Reading
export { namesIn, orNull } from './directory.js';
export { waitForEnding } from './ending.js';
// A place in a line
export { type EnrolOptions, enrol, enrolInAll, type Line } from './enrolment.js';
// Holding
export { type Hold, type LossPolicy, MemberHold, type MemberHoldOptions } from './hold.js';
export { type Identity, type IdentityOptions, identityOf, textOf } from './identity.js';
export { LazySignal } from './lazy-signal.js';
export { type Obstacle, type ObstacleOf, oneAtATime, type QueueOptions, untilAdmitted, untilFirst } from './line.js';
export { giveUp, type Member, memberOf } from './member.js';
export { earlierOf, hasCome, inMs, MomentTimer, NEVER } from './moment-timer.js';
export { Patience, tryWithin } from './patience.js';
export { type PersevereOptions, persevere } from './persevere.js';
export { realPath } from './real-path.js';
export { refuseSelfWait, runOnBehalfOf } from './self-wait.js';
export {
  compareText,
  inOrderOf,
  inSequence,
  isPlaceName,
  type Nearest,
  nearestBefore,
  predecessorOf,
  sequenceKey,
} from './sequence.js';
export { epochValidForMs, onSessionLapse, withinSession } from './session-lapse.js';
