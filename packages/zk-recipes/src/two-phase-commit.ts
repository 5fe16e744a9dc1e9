/**
 * All of `@zk-recipes/two-phase-commit`.
 *
 * @packageDocumentation
 */

export * from '@zk-recipes/two-phase-commit';
