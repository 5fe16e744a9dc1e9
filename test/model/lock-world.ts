import type { Keeper } from '@zk-recipes/core';
import { type ObservedRequest, TestServer } from '@zk-recipes/test-server';
import { until } from '@zk-recipes/test-support';
import { offencesIn } from './check-history.js';
import { Contender } from './contender.js';
import { keeperOf, LONG_SESSION_MS, noteListeners, SHORT_SESSION_MS } from './keepers.js';
import { type Action, CONTENDERS, KEEPERS, type Step } from './lock-steps.js';
import { Recorder } from './recorder.js';
import { unrestIn } from './unrest.js';
import { FIRST_LEASES, lockOf, semaphoreOf } from './wants.js';

/** Whatever is due comes within this time, on however slow a machine. */
const PATIENCE_MS = 5_000;
/** Requests that all contenders together need to come to rest, at most; who goes round in a circle needs more. */
const REQUESTS_TO_REST = 1_000;

const WRITES: ReadonlySet<string> = new Set(['create', 'create2', 'createContainer', 'delete', 'setData', 'multi']);

/** A server, keepers, and contenders for all kinds of locks. */
export class LockWorld {
  readonly #server: TestServer;
  readonly #keepers: readonly Keeper[];
  readonly #admin: Keeper;
  readonly #recorder: Recorder;
  readonly #contenders: readonly Contender[];
  readonly #listeners: Set<unknown> = new Set();
  readonly #offences: string[] = [];
  readonly #revocations: Set<AbortController> = new Set();
  /** Keepers that may delete what is not theirs. */
  readonly #forcing: Set<Keeper>;
  #underWay = 0;
  #leases = FIRST_LEASES;
  #limiting: Promise<void> = Promise.resolve();
  #silenced: bigint | null = null;

  private constructor(server: TestServer, keepers: readonly Keeper[], admin: Keeper) {
    this.#server = server;
    this.#keepers = keepers;
    this.#admin = admin;
    this.#forcing = new Set([admin]);
    this.#recorder = new Recorder(server);
    for (const keeper of keepers) noteListeners(keeper, this.#listeners);
    this.#contenders = Array.from({ length: CONTENDERS }, (_, index) => {
      const keeper = keepers[index % KEEPERS] as Keeper;
      return new Contender(`contender ${index}`, keeper, this.#recorder, (offence) => this.#offences.push(offence));
    });
    server.faults.onRequest(this.#onRequest);
  }

  /** Sets it up, plays a sequence, and takes it down. @returns what was done wrong */
  static async play(steps: readonly Step[], ending: 'giveUp' | 'letThrough'): Promise<string[]> {
    const server = await TestServer.start({ tickTimeMs: 50, maxSessionTimeoutMs: LONG_SESSION_MS });
    const connect = (sessionTimeoutMs: number): Promise<Keeper> => keeperOf(server, sessionTimeoutMs);
    const long = Array.from({ length: KEEPERS }, () => connect(LONG_SESSION_MS));
    const [admin, ...keepers] = await Promise.all([...long, connect(SHORT_SESSION_MS)]);
    const world = new LockWorld(server, keepers, admin as Keeper);
    try {
      for (const step of steps) await world.#take(step);
      await world.#finish(ending);
    } catch (error) {
      world.#offences.push(error instanceof Error ? error.message : String(error));
    }
    world.#offences.push(...offencesIn(world.#recorder.history));
    world.#recorder.tree.look();
    await Promise.all([...keepers, admin as Keeper].map((keeper) => keeper.close()));
    await server.stop();
    return world.#offences;
  }

  async #take({ action, pause }: Step): Promise<void> {
    await this.#do(action);
    if (pause === 'calm') await this.#calm();
    else for (let turn = 0; turn < pause; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  async #do(action: Action): Promise<void> {
    const { faults } = this.#server;
    switch (action.kind) {
      case 'begin':
        return this.#oneOf(action, ({ phase }) => phase === null)?.begin(action.want, action.manner);
      case 'release':
        return this.#oneOf(action, ({ phase }) => phase === 'holding')?.release();
      case 'abort':
        return this.#oneOf(action, ({ phase }) => phase === 'waiting')?.abort();
      case 'downgrade':
        return void this.#oneOf(action, ({ writes }) => writes)?.downgrade();
      case 'revoke':
        return this.#revoke(action);
      case 'expire':
        return this.#expire(this.#sessionOf(action));
      case 'disconnect':
        return this.#server.disconnect(this.#sessionOf(action));
      case 'disconnectAll':
        return this.#server.disconnect('all');
      case 'drop': {
        const fault = { sessionId: this.#sessionOf(action), when: isWrite };
        return void (action.what === 'reply' ? faults.dropReplyOnce(fault) : faults.dropRequestOnce(fault));
      }
      case 'limit':
        return this.#limit(action.leases);
      case 'delete': {
        const { standing } = this.#recorder.tree;
        const znode = standing[action.index % standing.length];
        if (znode !== undefined) this.#inBackground(this.#admin.delete().quietly().idempotent().forPath(znode.path));
        return;
      }
      case 'silence':
        this.#silenced ??= this.#last.sessionId;
        return faults.partition(this.#silenced, action.direction);
      case 'restart':
        return await this.#server.restart();
    }
  }

  /** The one with the short session. */
  get #last(): Keeper {
    return this.#keepers.at(-1) as Keeper;
  }

  #oneOf({ contender }: { readonly contender: number }, isMeant: (one: Contender) => boolean): Contender | undefined {
    const meant = this.#contenders.filter(isMeant);
    return meant[contender % meant.length];
  }

  #sessionOf({ keeper }: { readonly keeper: number }): bigint {
    return (this.#keepers[keeper] as Keeper).sessionId;
  }

  #expire(sessionId: bigint): void {
    this.#recorder.force(sessionId);
    this.#server.expireSession(sessionId);
    this.#recorder.tree.look();
  }

  #limit(leases: number): void {
    const certain = this.#recorder.limiting(leases);
    this.#leases = leases;
    // One after the other: of two that are under way at once nobody knows which comes last.
    this.#limiting = this.#limiting.then(() => semaphoreOf(this.#admin, 'limited').setMaxLeases(leases));
    this.#inBackground(this.#limiting.then(certain));
  }

  #revoke({ keeper: index, lock, isForced }: Action & { readonly kind: 'revoke' }): void {
    const keeper = this.#keepers[index] as Keeper;
    const controller = new AbortController();
    this.#revocations.add(controller);
    if (isForced) this.#forcing.add(keeper);
    const { signal } = controller;
    const options = isForced ? { signal, forceAfterMs: 1 } : { signal };
    const revocation = lockOf(keeper, lock)
      .revoke(options)
      .catch((error: Error) => {
        if (!signal.aborted && error.name !== 'SessionExpiredError') this.#offences.push(`revoke rejected: ${error}`);
      });
    void revocation.then(() => this.#revocations.delete(controller));
  }

  #inBackground(work: Promise<unknown>): void {
    this.#underWay += 1;
    void work
      .catch((error: unknown) => this.#offences.push(`administrator: ${error}`))
      .then(() => {
        this.#underWay -= 1;
      });
  }

  /** Waits until everybody has what is due, also without whoever is silenced; then for that one, too. */
  async #calm(): Promise<void> {
    const requestsBefore = this.#server.stats.received;
    const silenced = this.#silenced;
    if (silenced !== null) {
      const isAlive = (): boolean => this.#server.sessions.some(({ id }) => id === silenced);
      await this.#untilRest(() => (isAlive() ? 'a silenced session lives on' : unrestIn(this.#state(silenced))));
      this.#server.faults.heal();
      this.#silenced = null;
    }
    await this.#untilRest(() => unrestIn(this.#state(null)));
    const requests = this.#server.stats.received - requestsBefore;
    if (requests > REQUESTS_TO_REST) this.#offences.push(`${requests} requests to come to rest`);
  }

  #state(silenced: bigint | null): Parameters<typeof unrestIn>[0] {
    this.#recorder.tree.look();
    const contenders = this.#contenders.filter(({ keeper }) => silenced === null || keeper !== this.#last);
    return {
      standing: this.#recorder.tree.standing,
      crippled: this.#recorder.tree.crippled,
      believed: this.#recorder.believed,
      phases: contenders.map(({ phase }) => phase),
      takenAway: this.#recorder.takenAway,
      underWay: this.#underWay,
      leases: this.#leases,
      leftOut: silenced === null ? null : this.#last.sessionId,
    };
  }

  async #untilRest(unrest: () => string | null): Promise<void> {
    let last: string | null = null;
    const look = (): true | undefined => {
      last = unrest();
      return last === null ? true : undefined;
    };
    await until(look, { what: 'rest', timeoutMs: PATIENCE_MS, everyMs: 1 }).catch(() => {
      throw new Error(`no rest: ${last}`);
    });
  }

  /** Has everybody leave, one way or the other; then nothing is left, and all can be had at once. */
  async #finish(ending: 'giveUp' | 'letThrough'): Promise<void> {
    this.#server.faults.clear();
    this.#server.faults.onRequest(this.#onRequest);
    this.#silenced = null;
    this.#limit(3);
    if (ending === 'giveUp') for (const contender of this.#contenders) contender.abort();
    await this.#calm();
    await this.#untilRest(() => {
      for (const contender of this.#contenders) contender.release();
      const wanting = this.#contenders.filter(({ phase }) => phase !== null);
      return wanting.length === 0
        ? null
        : `never got through: ${wanting.map(({ name, phase }) => `${name}, ${phase}`)}`;
    });
    for (const revocation of this.#revocations) revocation.abort();
    await this.#untilRest(() => this.#leftovers());
    const fresh = await keeperOf(this.#server, LONG_SESSION_MS);
    this.#forcing.add(fresh);
    for (const kind of ['first', 'second', 'read', 'write', 'fixed', 'limited'] as const) {
      const recipe = kind === 'fixed' || kind === 'limited' ? semaphoreOf(fresh, kind) : lockOf(fresh, kind);
      const hold = await recipe.tryAcquire(kind === 'fixed' ? { permits: 3 } : {});
      if (hold === null) this.#offences.push(`${kind} is not free in the end`);
      await hold?.release();
    }
    await fresh.close();
  }

  #leftovers(): string | null {
    this.#recorder.tree.look();
    const { standing } = this.#recorder.tree;
    if (standing.length > 0) return `left: ${standing.map(({ path }) => path)}`;
    const watches = this.#server.sessions.flatMap((session) => session.watches);
    if (watches.length > 0) return `watched: ${watches}`;
    if (this.#revocations.size > 0) return 'a revocation does not end';
    const stray = this.#contenders.filter(({ listenerCount }) => listenerCount > 0);
    if (stray.length > 0) return `listeners on the signals of ${stray.map(({ name }) => name)}`;
    return this.#listeners.size > 0 ? `${this.#listeners.size} listeners on keepers` : null;
  }

  readonly #onRequest = ({ sessionId, operation, path }: ObservedRequest): void => {
    this.#recorder.tree.look();
    const znode = operation === 'delete' ? this.#recorder.tree.seen.get(path ?? '') : undefined;
    if (znode === undefined) return;
    // Also what is its own: by the hand of somebody else who has the same keeper.
    const mayForce = [...this.#forcing].some((keeper) => keeper.sessionId === sessionId);
    if (mayForce) this.#recorder.force(znode.path);
    else if (znode.owner !== sessionId && znode.to === Number.POSITIVE_INFINITY) {
      this.#offences.push(`${znode.path} is deleted by session ${sessionId}`);
    }
  };
}

function isWrite({ operation }: ObservedRequest): boolean {
  return WRITES.has(operation);
}
