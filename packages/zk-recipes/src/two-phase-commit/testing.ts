/**
 * All of `@zk-recipes/two-phase-commit/testing`.
 *
 * @packageDocumentation
 */

export * from '@zk-recipes/two-phase-commit/testing';
