import { getEventListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type BackgroundError,
  ConnectionLossError,
  HoldLostError,
  Keeper,
  type KeeperOptions,
  retryNTimes,
  SessionExpiredError,
} from '@zk-recipes/core';
import { type DumpedZnode, TestServer, VirtualClock } from '@zk-recipes/test-server';
import { expect, vi } from 'vitest';
import type { Play, Scenario, World } from './every-request-scenario.js';
import {
  countListeners,
  followCalls,
  isOfRecipe,
  type SeenRequest,
  Sightings,
  withoutProtection,
} from './every-request-seen.js';

/** What became of `act`. */
export type Outcome<Result> =
  | { readonly kind: 'resolved'; readonly result: Result }
  | { readonly kind: 'rejected'; readonly error: unknown };

/** What a run has left, wherever it could leave something. */
export interface Remains {
  /** One line a znode: path, kind, owner, data, versions. */
  readonly tree: readonly string[];
  /** Paths that the server watches for the subject. */
  readonly watches: readonly string[];
  /** On the subject's keeper, on its client, and on the caller's signal. */
  readonly listeners: readonly [keeper: number, client: number, signal: number];
  readonly errors: readonly string[];
}

/** The directory of every scenario. */
export const PATH = '/every/line';
/** What takes longer hangs. */
const PATIENCE_MS = 8_000;
/** Background work is done by then. */
const CALM_MS = 4_000;

/** One run of a scenario on a server of its own. */
export class Performance<Result> {
  readonly server: TestServer;
  readonly clock: VirtualClock;
  readonly subject: Keeper;
  readonly caller: AbortController = new AbortController();
  /** What the server has had from the subject since the beginning of `act`. */
  readonly requests: Sightings = new Sightings();
  /** What has been asked of the subject's client since then, where that is followed. */
  calls: Sightings = new Sightings();
  readonly #other: Keeper;
  readonly #errors: string[] = [];
  readonly #countListeners: () => number;
  #play: Play<Result> | null = null;
  #fresh: Remains | null = null;
  #isOver = false;

  private constructor(
    server: TestServer,
    clock: VirtualClock,
    [subject, other]: readonly [Keeper, Keeper],
    { tellsOf = [] }: Scenario<Result>,
  ) {
    this.server = server;
    this.clock = clock;
    this.subject = subject;
    this.#other = other;
    for (const [name, keeper] of Object.entries({ subject, other })) {
      keeper.on('backgroundError', ({ error, operation, path }: BackgroundError) => {
        // An outcome stays unknown only if the session has expired: as long as it lives, the recipe finds out.
        const isExpired = error instanceof ConnectionLossError && error.cause instanceof SessionExpiredError;
        if (tellsOf.includes(operation) && (isExpired || error instanceof HoldLostError)) return;
        this.#errors.push(`${name}, ${operation} ${path}: ${error}`);
      });
    }
    this.#countListeners = countListeners(subject);
  }

  /** Runs a scenario as far as to the beginning of `act`, and has the rest done to it. */
  static async of<Result, T>(
    scenario: Scenario<Result>,
    work: (performance: Performance<Result>) => Promise<T>,
  ): Promise<T> {
    const clock = new VirtualClock();
    // Containers go when the clock is put forward by a second, whether they had children or not.
    const containers = { containerCheckIntervalMs: 1_000, containerMaxNeverUsedMs: 1 };
    const server = await TestServer.start({ clock, ...containers, ...scenario.server });
    const connect = async (options: Partial<KeeperOptions> = {}): Promise<Keeper> =>
      await Keeper.connect({
        connectString: server.connectString,
        sessionTimeoutMs: 10_000,
        retry: retryNTimes({ retries: 20, delayMs: 1 }),
        reconnect: { minDelayMs: 1, maxDelayMs: 5 },
        defaultData: 'data',
        ...options,
      });
    const [subject, other] = [await connect(scenario.subject), await connect()];
    const performance = new Performance(server, clock, [subject, other], scenario);
    try {
      performance.#fresh = performance.remains();
      performance.#play = await performance.#patiently('prepare', scenario.prepare(performance.#world()));
      await performance.calm();
      return await work(performance);
    } finally {
      performance.#isOver = true;
      await Promise.all([subject.close(), other.close()]);
      await server.stop();
    }
  }

  /** Has every answer to the subject's client told, before anybody goes on. */
  followCalls(onAnswer: (call: SeenRequest) => void): void {
    this.calls = followCalls(this.subject.zookeeper, onAnswer);
  }

  /** @param onRequest told of each request of the subject when it arrives */
  async act(onRequest: (request: SeenRequest) => void = () => {}): Promise<Outcome<Result>> {
    this.server.faults.onRequest((request) => {
      if (request.sessionId !== this.subject.sessionId || !isOfRecipe(request)) return;
      onRequest(this.requests.add(request.operation, request.path));
    });
    const outcome = (this.#play as Play<Result>).act().then(
      (result): Outcome<Result> => ({ kind: 'resolved', result }),
      (error: unknown): Outcome<Result> => ({ kind: 'rejected', error }),
    );
    return await this.#patiently('act', outcome);
  }

  /** Undoes what the scenario has left on purpose. */
  async settle(): Promise<void> {
    this.server.faults.clear();
    await this.#patiently('settle', this.#play?.settle?.());
  }

  /** Resolves when the server has answered all that the subject has sent so far. */
  async calm(): Promise<void> {
    await this.#patiently(
      'sync',
      persistently(
        () => this.subject.sync().forPath('/'),
        () => this.#isOver,
      ),
    );
  }

  /** The tree on the server, as it is now. */
  tree(): Remains['tree'] {
    return this.server.dump().flatMap((znode) => this.#describe(znode));
  }

  /** What the subject watches. */
  watches(): readonly string[] {
    const { sessionId } = this.subject;
    const all = this.server.sessions.flatMap(({ id, watches }) => (id === sessionId ? watches : []));
    // After a reconnect they are set again in another order.
    return all.map(withoutProtection).sort();
  }

  /** Takes stock. */
  remains(): Remains {
    const { subject, caller } = this;
    return {
      tree: this.tree(),
      watches: this.watches(),
      listeners: [
        this.#countListeners(),
        subject.zookeeper.listenerCount('state'),
        getEventListeners(caller.signal, 'abort').length,
      ],
      errors: [...this.#errors],
    };
  }

  /** Asserts that nothing hangs on the subject that did not before the scenario. */
  expectFresh(): void {
    expect({ ...this.remains(), tree: null }).toEqual({ ...this.#fresh, tree: null });
  }

  /** Waits for the background to come to this, and asserts that it stays so: after what is under way, and after a reconnect. */
  async expectRemains(expected: Remains, view: (remains: Remains) => Remains): Promise<void> {
    const look = (): void => expect(view(this.remains())).toEqual(view(expected));
    await this.calm();
    await inTime(look);
    await this.calm();
    look();
    // What the client still wants to watch, it sets again.
    this.server.disconnect(this.subject.sessionId);
    await this.calm();
    look();
  }

  #world(): World {
    const { server, subject, caller } = this;
    const until = async (look: () => boolean): Promise<void> => {
      while (!look()) await delay(1);
      // Whoever still waits in the end waits in vain, and has nothing to do any more.
      if (this.#isOver) await new Promise(() => {});
    };
    return {
      ...{ server, subject, other: this.#other, path: PATH, signal: caller.signal },
      untilSent: async ({ operation, path }, count = 1) => {
        const match = { operation, path: path === undefined ? undefined : withoutProtection(path) };
        await until(() => this.#isOver || this.requests.count(match) >= count);
        await this.calm();
      },
      untilWatches: (count) => {
        const total = (): number => server.sessions.reduce((sum, { watches }) => sum + watches.length, 0);
        return until(() => this.#isOver || total() === count);
      },
    };
  }

  #describe({ path, kind, data, stat }: DumpedZnode): string[] {
    if (path === '/' || /^\/zookeeper(\/|$)/.test(path)) return [];
    const owner =
      stat.ephemeralOwner === 0n ? '' : stat.ephemeralOwner === this.subject.sessionId ? ' own' : ' other’s';
    return [`${withoutProtection(path)} ${kind}${owner} '${data ?? ''}' v${stat.version} c${stat.cversion}`];
  }

  /** Nothing may hang: least of all the rehearsal, which no test runner looks after. */
  async #patiently<T>(what: string, work: Promise<T> | T): Promise<T> {
    const patience = new AbortController();
    const overdue = delay(PATIENCE_MS, undefined, { signal: patience.signal, ref: false }).then(() => {
      const lately = this.requests.seen.map(({ operation, path }) => `${operation} ${path}`).join(', ');
      throw new Error(`${what} hangs after ${lately || 'nothing'}`);
    });
    overdue.catch(() => {});
    return await Promise.race([work, overdue]).finally(() => patience.abort());
  }
}

/** Does something until it succeeds, or nobody wants it any more. */
async function persistently(work: () => Promise<unknown>, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const isDone = await work().then(
      () => true,
      () => false,
    );
    if (isDone) return;
    await delay(1);
  }
}

/** Waits for an assertion to hold: some work goes on in the background. */
export async function inTime(assertion: () => Promise<void> | void): Promise<void> {
  await vi.waitFor(assertion, { timeout: CALM_MS, interval: 2 });
}

/** Whether the server may remove a znode because it is an empty container. */
export function isReapable({ kind, stat }: DumpedZnode): boolean {
  return kind === 'container' && stat.numChildren === 0;
}
