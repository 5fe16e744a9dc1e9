/**
 * All of `@zk-recipes/core`.
 *
 * @packageDocumentation
 */

export * from '@zk-recipes/core';
