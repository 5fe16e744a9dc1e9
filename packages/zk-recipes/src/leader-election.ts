/**
 * All of `@zk-recipes/leader-election`.
 *
 * @packageDocumentation
 */

export * from '@zk-recipes/leader-election';
