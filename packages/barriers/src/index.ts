/**
 * Barriers on Apache ZooKeeper, with Curator's znodes.
 *
 * @packageDocumentation
 */

// Recipes
export { Barrier } from './barrier.js';
export { DoubleBarrier, type DoubleBarrierOptions } from './double-barrier.js';
// Errors
export { AlreadyEnteredError, NotEnteredError } from './errors.js';
// Types of the recipes' arguments
export type { WaitOptions } from './options.js';
