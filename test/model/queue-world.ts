import { ConnectionLossError, HoldLostError } from '@zk-recipes/core';
import { PriorityQueue } from '@zk-recipes/queues';
import { TestServer, VirtualClock } from '@zk-recipes/test-server';
import { until } from '@zk-recipes/test-support';
import { QueueHistory } from './queue-history.js';
import { connectUser, PATIENCE_MS, patiently, turns } from './queue-users.js';
import { QUEUE_PATH, QueueWorker } from './queue-worker.js';

/** What may be done by a user of a queue, or to it. */
export const DEEDS = [
  ...([
    'put',
    'put',
    'put',
    'putTwo',
    'take',
    'take',
    'takeMany',
    'consume',
    'process',
    'leave',
    'ack',
    'ack',
    'ack',
  ] as const),
  ...(['retry', 'reject', 'giveUp', 'crash', 'expire', 'disconnect', 'loseReply', 'loseReply', 'loseRequest'] as const),
  ...(['lag', 'catchUp', 'removeClaim'] as const),
] as const;

/** One step: who, what, and how many turns of the event loop pass afterwards. */
export interface Step {
  readonly who: number;
  readonly deed: (typeof DEEDS)[number];
  readonly turns: number;
}

/** A queue, its users, and what befalls them. */
export class QueueWorld {
  readonly #server: TestServer;
  readonly #maxItems: number | undefined;
  readonly #history = new QueueHistory();
  readonly #workers: QueueWorker[] = [];
  #count = 0;

  private constructor(server: TestServer, maxItems: number | undefined) {
    this.#server = server;
    this.#maxItems = maxItems;
  }

  /** Plays it all. Returns what was wrong. */
  static async play(workers: number, maxItems: number | undefined, steps: readonly Step[]): Promise<string[]> {
    const server = await TestServer.start({ clock: new VirtualClock() });
    const world = new QueueWorld(server, maxItems);
    try {
      for (let index = 0; index < workers; index++) world.#workers.push(await world.#newcomer(index));
      for (const step of steps) {
        await world.#do(step);
        await turns(step.turns);
      }
      await world.#finish();
      const { complaints, story } = world.#history;
      return complaints.length === 0 ? [] : [...complaints, ...story];
    } finally {
      await Promise.all(world.#workers.map(({ keeper }) => keeper.close()));
      await server.stop();
    }
  }

  async #do({ who, deed }: Step): Promise<void> {
    this.#history.story.push(`-- ${who} ${deed}`);
    const index = who % this.#workers.length;
    const one = this.#workers[index] as QueueWorker;
    const { sessionId } = one.keeper;
    const { faults } = this.#server;
    if (deed === 'put') one.put(1);
    if (deed === 'putTwo') one.put(2);
    if (deed === 'ack' || deed === 'retry' || deed === 'reject') one.settle(deed);
    if (deed === 'take' || deed === 'takeMany' || deed === 'consume' || deed === 'process' || deed === 'giveUp')
      one[deed]();
    if (deed === 'leave') one.giveUp();
    // Long before the client's clock would have told it.
    if (deed === 'crash' || deed === 'expire') this.#excuse((owner) => owner === sessionId);
    if (deed === 'crash') {
      one.isDead = true;
      this.#server.expireSession(sessionId);
      const gone = one.die();
      this.#workers[index] = await this.#newcomer(index);
      await this.#patiently('a crash', gone);
    }
    if (deed === 'expire') this.#server.expireSession(sessionId);
    if (deed === 'disconnect') this.#server.disconnect(sessionId);
    if (deed === 'loseReply') void faults.dropReplyOnce({ sessionId });
    if (deed === 'loseRequest') void faults.dropRequestOnce({ sessionId });
    if (deed === 'lag') faults.staleReads(sessionId);
    if (deed === 'catchUp')
      await one.keeper
        .sync()
        .forPath('/')
        .catch(() => {});
    if (deed === 'removeClaim') await this.#removeClaim(one);
  }

  /** By hand, as an operator may who thinks that a worker hangs. */
  async #removeClaim({ keeper }: QueueWorker): Promise<void> {
    const claim = this.#excuse(() => true);
    if (claim === undefined) return;
    const removal = keeper.delete().quietly().forPath(claim);
    await removal.catch(() => {});
  }

  /** Their owners hear that claims are gone when others can have them already. @returns path of one of the claims */
  #excuse(isConcerned: (owner: bigint) => boolean): string | undefined {
    const znodes = this.#server.dump();
    const claims = znodes.filter(
      ({ path, stat }) => path.startsWith(`${QUEUE_PATH}-side/claims/`) && isConcerned(stat.ephemeralOwner),
    );
    for (const { path } of claims) {
      const name = path.slice(path.lastIndexOf('/') + 1);
      const item = znodes.find((znode) => znode.path === `${QUEUE_PATH}/${name}`);
      if (item?.data) this.#history.excuse(valueIn(item.data));
    }
    return claims[0]?.path;
  }

  async #finish(): Promise<void> {
    this.#server.faults.clear();
    for (const one of this.#workers) {
      one.giveUp();
      while (one.held.length > 0) one.settle('retry');
    }
    await this.#patiently('giving up', Promise.all(this.#workers.map((one) => one.idle())));
    // Nothing is on its way any more.
    await this.#patiently('calm', Promise.all(this.#workers.map(({ keeper }) => keeper.sync().forPath('/'))));
    await this.#patiently(
      'cleaning up',
      until(() => (this.#remains().length === 0 ? true : undefined), {
        what: 'it',
        everyMs: 1,
        timeoutMs: 2 * PATIENCE_MS,
      }),
    );
    const [one] = this.#workers;
    if (one === undefined) return;
    const dead = (await one.queue.deadLetters()).map(({ data }) => valueIn(data));
    const left = await this.#patiently('the rest', this.#takeAll(one));
    if (left !== null) this.#history.judge(left, dead);
    const records = this.#server.dump().filter(({ path }) => path.startsWith(`${QUEUE_PATH}-side/attempts/`));
    if (records.length > 0) this.#history.complaints.push(`records are left: ${records.map(({ path }) => path)}`);
  }

  /** Takes what is left, in order; it is worked off like anything else. */
  async #takeAll({ queue, keeper }: QueueWorker): Promise<string[]> {
    const values: string[] = [];
    const all = new PriorityQueue<string>(keeper, QUEUE_PATH);
    let last = '';
    while ((await queue.size()) > 0) {
      const delivery = await all.take();
      values.push(delivery.value);
      if (delivery.path < last) this.#history.complaints.push(`${delivery.path} comes after ${last}`);
      last = delivery.path;
      await delivery.ack();
    }
    return values;
  }

  /** What must not be there when nobody does anything. */
  #remains(): string[] {
    const places = ['claims', 'line', 'markers', 'producers'].map((name) => `${QUEUE_PATH}-side/${name}/`);
    const znodes = this.#server.dump().filter(({ path }) => places.some((place) => path.startsWith(place)));
    return [...znodes.map(({ path }) => path), ...this.#server.sessions.flatMap(({ watches }) => watches)];
  }

  #patiently<T>(what: string, work: Promise<T>): Promise<T | null> {
    return patiently(work, () => this.#history.complaints.push(`${what} hangs; there are ${this.#remains()}`));
  }

  async #newcomer(index: number): Promise<QueueWorker> {
    const keeper = await connectUser(this.#server);
    this.#count += 1;
    const worker = new QueueWorker(`${index}.${this.#count}`, keeper, this.#history, this.#maxItems);
    keeper.on('backgroundError', ({ error, operation, path }) => {
      // What it had still to do, the end of its session has done; and who processes a queue is told so what is not settled.
      const isTold =
        operation === 'settling a delivery' && (error instanceof HoldLostError || error instanceof ConnectionLossError);
      if (!worker.isDead && !isTold) this.#history.complaints.push(`${index}, ${operation} ${path}: ${error}`);
    });
    return worker;
  }
}

/** The one value that is framed in an item. */
function valueIn(data: Uint8Array): string {
  return JSON.parse(Buffer.from(data).subarray(9, -1).toString());
}
