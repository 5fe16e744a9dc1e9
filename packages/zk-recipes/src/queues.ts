/**
 * All of `@zk-recipes/queues`.
 *
 * @packageDocumentation
 */

export * from '@zk-recipes/queues';
