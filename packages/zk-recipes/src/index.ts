/**
 * All recipes, the `Keeper` and the client, from one package.
 *
 * A name that several packages have is exported here as the package named in front of it has it. Each package's own is at its
 * subpath, such as `zk-recipes/leader-election`.
 *
 * @packageDocumentation
 */

export * from '@zk-recipes/barriers';
export type { CallOptions, ConnectionState } from '@zk-recipes/core';
export * from '@zk-recipes/core';
export * from '@zk-recipes/leader-election';
export type { RunOptions, WaitOptions } from '@zk-recipes/locks';
export * from '@zk-recipes/locks';
export type { Codec } from '@zk-recipes/queues';
export * from '@zk-recipes/queues';
export * from '@zk-recipes/two-phase-commit';
export { Participant } from '@zk-recipes/two-phase-commit';
export * from 'zookeeper-ts-client';
