/**
 * All of `@zk-recipes/two-phase-commit/postgres`.
 *
 * @packageDocumentation
 */

export * from '@zk-recipes/two-phase-commit/postgres';
