/**
 * Queues on Apache ZooKeeper, with Curator's znodes.
 *
 * @packageDocumentation
 */

// Payloads
export {
  bytesCodec,
  type Codec,
  jsonCodec,
  type SchemaIssue,
  type SchemaResult,
  type StandardSchema,
  textCodec,
} from './codec.js';
// Deliveries and dead letters
export type { DeadLetter } from './dead-letters.js';
export { type DelayOptions, DelayQueue } from './delay-queue.js';
export type { Delivery, RetryOptions } from './delivery.js';
// Errors and failures
export { QueueTooLargeError } from './errors.js';
export { type FailedEvent, QUEUE_FAILED_CHANNEL, type QueueEvents, type QueueFailure } from './failures.js';
export { type IdOptions, IdQueue } from './id-queue.js';
export type { ItemSource } from './item-source.js';
// Options
export type { CallOptions, ConsumeOptions, ProcessOptions, QueueOptions } from './options.js';
export { type PriorityOptions, PriorityQueue } from './priority-queue.js';
// Queues
export { Queue } from './queue.js';
export { ShardedQueue, type ShardedQueueOptions } from './sharded-queue.js';
export { SimpleQueue } from './simple-queue.js';
export type { WorkQueue } from './work-queue.js';
