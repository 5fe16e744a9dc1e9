/**
 * All of `zookeeper-ts-client`.
 *
 * @packageDocumentation
 */

export * from 'zookeeper-ts-client';
