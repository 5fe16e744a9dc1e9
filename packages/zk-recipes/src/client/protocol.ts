/**
 * All of `zookeeper-ts-client/protocol`.
 *
 * @packageDocumentation
 */

export * from 'zookeeper-ts-client/protocol';
