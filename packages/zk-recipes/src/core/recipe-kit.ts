/**
 * All of `@zk-recipes/core/recipe-kit`.
 *
 * @packageDocumentation
 */

export * from '@zk-recipes/core/recipe-kit';
