import type { LookupFunction } from 'node:net';
import type { ZooKeeperOptions } from '../src/client/options.js';
import { ZooKeeper } from '../src/client/zookeeper.js';
import type { ConnectResponse } from '../src/protocol/handshake.js';
import { SpecialXid } from '../src/protocol/headers.js';
import { Stat } from '../src/protocol/stat.js';
import { FakeClock, settled } from './fake-clock.js';
import { type FakeLink, FakeNetwork, plainStat, replyFrame } from './fake-network.js';

/** Answers at once: a host's only address is its name. */
const sameAddress: LookupFunction = (host, _options, callback) => callback(null, [{ address: host, family: 4 }]);

/** How a client under test is set up. */
export interface FakeSessionOptions extends ZooKeeperOptions {
  readonly connectString?: string;
  readonly firstXid?: number;
  readonly random?: () => number;
}

/** A client on a fake clock and a fake network. */
export class FakeSession {
  readonly clock: FakeClock = new FakeClock();
  readonly network: FakeNetwork = new FakeNetwork();
  /** Resolves when the client is connected. */
  readonly connecting: Promise<ZooKeeper>;
  readonly #hasChroot: boolean;
  readonly #credentials: number;

  /** Starts a client that asks for a session of 6 s; nothing answers it yet. Servers are tried in the order given. */
  constructor({ connectString = 'zk1', firstXid = 1, random = () => 0.999_999, ...options }: FakeSessionOptions = {}) {
    const { clock, network } = this;
    this.#hasChroot = connectString.includes('/');
    this.#credentials = options.auth?.length ?? 0;
    this.connecting = ZooKeeper.connect(
      connectString,
      { sessionTimeoutMs: 6000, ...options },
      { clock, random, open: network.open, lookup: sameAddress, firstXid },
    );
    this.connecting.catch(() => {});
  }

  /** The connection that the client has opened last. */
  get link(): FakeLink {
    return this.network.last;
  }

  /** Lets the next attempt to connect begin. */
  async attempt(): Promise<FakeLink> {
    const before = this.network.links.length;
    for (let i = 0; this.network.links.length === before; i++) {
      if (i > 100) throw new Error('the client does not try to connect');
      await this.clock.advance(i === 0 ? 0 : 50);
    }
    return this.link;
  }

  /** Lets the client connect for the first time; the server takes its credentials, and its chroot, if it has one, exists. */
  async connect(response?: Partial<ConnectResponse>): Promise<ZooKeeper> {
    (await this.attempt()).accept(response);
    await settled();
    for (let i = 0; i < this.#credentials; i++) this.link.receive(replyFrame(SpecialXid.auth));
    if (this.#hasChroot) {
      await settled();
      this.link.answerWith(Stat, plainStat);
    }
    const zk = await this.connecting;
    await settled();
    return zk;
  }

  /** Breaks the connection, and lets the next attempt begin. */
  async attemptAfterLoss(): Promise<FakeLink> {
    this.link.end();
    return await this.attempt();
  }

  /** Breaks the connection and lets the client come back. */
  async reconnect(response?: Partial<ConnectResponse>): Promise<FakeLink> {
    if (!this.link.isDestroyed) this.link.end();
    const link = await this.attempt();
    link.accept(response);
    await settled();
    return link;
  }
}

/** What became of a promise, for tests that ask before it settles. */
export class Fate {
  settledTimes = 0;
  value: unknown;
  error: unknown;

  /** Looks at a promise. */
  static of(promise: Promise<unknown>): Fate {
    const fate = new Fate();
    promise.then(
      (value) => {
        fate.settledTimes++;
        fate.value = value;
      },
      (error) => {
        fate.settledTimes++;
        fate.error = error;
      },
    );
    return fate;
  }
}
