import { NoNodeError, type WatchedEvent } from 'zookeeper-ts-client';
import type { ConnectionState } from '../src/connection-state.js';
import type { Keeper } from '../src/keeper.js';
import type { Member } from '../src/recipe-kit/member.js';

/** As much of a `Keeper` as a hold needs, without a server: its session, clock and znode are what the test says. */
export class FakeKeeper {
  sessionEpoch = 1;
  sessionId = 0x1234n;
  connectionState: ConnectionState = 'CONNECTED';
  closed = false;
  /** Session that owns the znode; `null` when there is no znode. */
  owner: bigint | null = 0x1234n;
  /** What a read fails with, instead. */
  failure: Error | null = null;
  readonly backgroundErrors: unknown[] = [];
  /** Functions that wait for the state, and that watch the znode. */
  readonly stateListeners: Set<(state: ConnectionState) => void> = new Set();
  watches: ((event: WatchedEvent) => void)[] = [];
  reads = 0;
  #validUntilMs = Number.NEGATIVE_INFINITY;
  #skippedMs = 0;

  /** The session is certainly alive for so long from now on. */
  prolong(ms: number): void {
    this.#validUntilMs = this.#now() + ms;
  }

  /** Time goes by, and no timer fires: as in a blocked event loop. */
  block(ms: number): void {
    this.#skippedMs += ms;
  }

  validForMs(): number {
    return this.closed ? 0 : Math.max(0, this.#validUntilMs - this.#now());
  }

  announce(state: ConnectionState): void {
    this.connectionState = state;
    // A set that is gone through leaves out who was removed meanwhile, as the real listeners do.
    for (const listener of this.stateListeners) listener(state);
  }

  /** The znode changes: who watches it hears of it. */
  change(type: 'NodeDataChanged' | 'NodeDeleted', owner: bigint | null = this.owner): void {
    this.owner = owner;
    for (const watch of this.watches.splice(0)) watch({ type, state: 'SyncConnected', path: '/x' });
  }

  on(_event: 'state', listener: (state: ConnectionState) => void): this {
    this.stateListeners.add(listener);
    return this;
  }

  off(_event: 'state', listener: (state: ConnectionState) => void): this {
    this.stateListeners.delete(listener);
    return this;
  }

  reportBackgroundError(error: unknown): void {
    this.backgroundErrors.push(error);
  }

  readonly operationTimeoutMs = 30_000;

  get limited(): this {
    return this;
  }

  getData(): unknown {
    return {
      withStat: () => ({
        watching: (watch: (event: WatchedEvent) => void) => ({
          forPath: async (path: string) => {
            this.reads += 1;
            if (this.failure !== null) throw this.failure;
            if (this.owner === null) throw new NoNodeError(-101, 'getData', path);
            this.watches.push(watch);
            return { data: null, stat: { ephemeralOwner: this.owner } };
          },
        }),
      }),
    };
  }

  transaction(): unknown {
    return { check: (path: string) => ({ checks: path }) };
  }

  /** As the code under test sees it. */
  get asKeeper(): Keeper {
    return this as unknown as Keeper;
  }

  #now(): number {
    return performance.now() + this.#skippedMs;
  }
}

/** A place in a line, of the fake's present session, that counts how often it is withdrawn. */
export function fakeMember(keeper: FakeKeeper): Member & { withdrawals: number } {
  const member = {
    keeper: keeper.asKeeper,
    directory: '/line',
    path: '/line/lock-0000000001',
    name: 'lock-0000000001',
    czxid: 77n,
    sessionId: keeper.sessionId,
    epoch: keeper.sessionEpoch,
    siblings: null,
    withdrawals: 0,
    forgetSiblings: () => {},
    withdraw: () => member.remove(),
    remove: async () => {
      member.withdrawals = 1;
    },
  };
  return member;
}
