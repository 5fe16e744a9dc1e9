/**
 * All of `@zk-recipes/barriers`.
 *
 * @packageDocumentation
 */

export * from '@zk-recipes/barriers';
