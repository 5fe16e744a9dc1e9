import { randomUUID } from 'node:crypto';
import { describe, inject } from 'vitest';
// For the type of what is injected, which that module declares.
import type {} from './zookeeper-setup.js';

/** The server that the test files of a project share: a real ZooKeeper, or a test server. */
export interface SharedServer {
  /** Whether there is one; tests that need it are skipped if not. */
  readonly available: boolean;
  /** Its connect string; empty when there is none. */
  readonly connectString: string;
}

/**
 * The server that all test files of this project share: tests keep to a {@link freshPath} of their own, and leave the
 * server alone. A test that stops, pauses or configures a server starts its own.
 */
export function sharedServer(): SharedServer {
  const { shared } = inject('servers');
  return { available: shared !== null, connectString: shared ?? '' };
}

/** Whether tests can start servers and ensembles of their own. */
export function canStartServers(): boolean {
  return inject('servers').whyNoOwn === null;
}

/** `describe` for tests on the shared server: skipped, and counted so, when there is none. */
export const describeOnSharedServer: typeof describe.skip = describe.skipIf(!sharedServer().available);

/** `describe` for tests that start servers of their own: skipped, and counted so, when none can be started. */
export const describeOnOwnServers: typeof describe.skip = describe.skipIf(!canStartServers());

/**
 * A path that no other test uses, below the root.
 *
 * @param prefix names the test for a reader of the server's tree
 */
export function freshPath(prefix: string): string {
  return `/${prefix}-${randomUUID()}`;
}
