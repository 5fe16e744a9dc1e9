import { sharedServer } from '@zk-recipes/test-support/vitest';
import { type ConnectionState, type WatchedEvent, ZooKeeper } from 'zookeeper-ts-client';

type Options = NonNullable<Parameters<typeof ZooKeeper.connect>[1]>;

/** Clients of one test, all closed at its end. */
export class Clients implements AsyncDisposable {
  readonly #all: ZooKeeper[] = [];

  /** Connects to a server; to the one that the test files of this run share, where none is given. */
  async connect(connectString: string = sharedServer().connectString, options: Options = {}): Promise<ZooKeeper> {
    const zk = await ZooKeeper.connect(connectString, {
      sessionTimeoutMs: 6000,
      reconnect: { minDelayMs: 10, maxDelayMs: 100 },
      ...options,
    });
    this.#all.push(zk);
    return zk;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.splice(0).map((zk) => zk.close()));
  }
}

/** Records events and lets a test wait for them. */
export class Events {
  readonly seen: WatchedEvent[] = [];
  #wake: () => void = () => {};

  readonly watch = (event: WatchedEvent): void => {
    this.seen.push(event);
    this.#wake();
  };

  /** Type and path of each so far. */
  get words(): string[] {
    return this.seen.map(({ type, path }) => `${type} ${path}`);
  }

  /** Resolves when there have been so many. */
  async until(count: number): Promise<string[]> {
    while (this.seen.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.words;
  }
}

/** Resolves when the client comes to that state, or is in it. */
export async function untilState(zk: ZooKeeper, wanted: ConnectionState): Promise<void> {
  for await (const state of zk.states()) {
    if (state === wanted) return;
  }
  throw new Error(`the session ended as ${zk.state}, not ${wanted}`);
}

/** Resolves when the client has lost its connection and is connected again. */
export async function untilReconnected(zk: ZooKeeper): Promise<void> {
  let wasLost = zk.state === 'disconnected';
  for await (const state of zk.states()) {
    if (state === 'disconnected') wasLost = true;
    if (wasLost && state === 'connected') return;
  }
  throw new Error(`the session ended as ${zk.state}`);
}

/** A generator of numbers from 0 up to 1 that gives the same ones for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
