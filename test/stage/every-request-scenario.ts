import type { Keeper, KeeperOptions } from '@zk-recipes/core';
import type { TestServer, TestServerOptions } from '@zk-recipes/test-server';
import type { SeenRequest } from './every-request-seen.js';

/** What a scenario works with. All of it is new for each row, and closed after it. */
export interface World {
  readonly server: TestServer;
  /** The keeper whose session the row attacks. */
  readonly subject: Keeper;
  /** A keeper of another session, to which nothing happens. */
  readonly other: Keeper;
  /** The directory of the scenario, two levels deep; neither exists yet. */
  readonly path: string;
  /** The caller's: hand it to whatever `act` calls. Some rows abort it. */
  readonly signal: AbortSignal;
  /**
   * Resolves when the server has had so many requests of the subject, counted from the beginning of `act`, that match, and has
   * answered what it can.
   */
  untilSent(match: { readonly operation?: string; readonly path?: string }, count?: number): Promise<void>;
  /** Resolves when so many watches stand on the server, of all sessions together. */
  untilWatches(count: number): Promise<void>;
}

/** What is done in each row. What its parts share are variables of `prepare`. */
export interface Play<Result> {
  /** What every request of is attacked. Its result has to be the same each time, but for uuids and the server's numbers. */
  act(): Promise<Result>;
  /** Undoes what `act` has left on purpose, if it got so far: releases, closes, deletes. Nothing happens to this. */
  settle?(): Promise<unknown>;
}

/** A story to be told again and again, with another request lost each time. */
export interface Scenario<Result> {
  readonly name: string;
  /** Sets the scene, to which nothing happens: whoever stands in the line already. */
  prepare(world: World): Promise<Play<Result>> | Play<Result>;
  readonly server?: TestServerOptions;
  readonly subject?: Partial<KeeperOptions>;
  /**
   * Requests that cannot be repeated: `act` has to reject with a `ConnectionLossError` of outcome `unknown` when one is lost, or its
   * reply. By default there are none: whatever is lost, the result is the same.
   */
  readonly unknown?: (request: SeenRequest) => boolean;
  /** Whether it may be done more than once: then it does not count how often a znode has changed. */
  readonly atLeastOnce?: boolean;
  /**
   * Requests on which `act` depends: when the signal aborts at the arrival of one, `act` has to reject with the signal's reason. By
   * default all but deletes and the removal of watches, which nobody should have to wait for; those that come after it do not count.
   */
  readonly heeds?: (request: SeenRequest) => boolean;
  /**
   * What `act` may reject with when the session expires; by default `SessionExpiredError`. An empty list for what has to go on in
   * the next session.
   */
  readonly onExpiry?: readonly (new (
    ...args: never[]
  ) => Error)[];
  /**
   * Operations of which a background error may say that their outcome is unknown, if the session has expired, or that the hold was lost: no
   * caller is left to whom they could reject. None by default.
   */
  readonly tellsOf?: readonly string[];
  /**
   * Whether to try, after each create, what happens when the client gives up its session while the server keeps it, and its znodes, for
   * some time. These rows take a second each, since the client has a clock of its own.
   */
  readonly mayBeGivenUp?: boolean;
  /** Whether what an aborted `act` has begun goes on until `settle`, such as a latch; else nothing is watched any more before that. */
  readonly goesOn?: boolean;
}
