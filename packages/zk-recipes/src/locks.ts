/**
 * All of `@zk-recipes/locks`.
 *
 * @packageDocumentation
 */

export * from '@zk-recipes/locks';
