/**
 * Leader election on Apache ZooKeeper, with Curator's znodes.
 *
 * @packageDocumentation
 */

// Errors
export { AlreadyStartedError, NotStartedError } from './errors.js';
// Recipes
export { LeaderLatch, type LeaderLatchEvents, type LeaderLatchOptions } from './leader-latch.js';
export { LeaderSelector, type LeaderSelectorOptions, type TakeLeadership } from './leader-selector.js';
// Types of the recipes' results
export type { Participant } from './participants.js';
export type { Tenure } from './tenure.js';
