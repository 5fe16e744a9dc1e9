import { ConnectionLossError, HoldLostError, type Keeper, NoAuthError } from '@zk-recipes/core';
import { isPassing, systemClock } from '@zk-recipes/core/recipe-kit';
import { type Delivery, PriorityQueue } from '@zk-recipes/queues';
import { TestServer, VirtualClock } from '@zk-recipes/test-server';
import { until } from '@zk-recipes/test-support';
import { vi } from 'vitest';
import { QueueHistory } from './queue-history.js';
import { connectUser, giver, PATIENCE_MS, patiently, turns } from './queue-users.js';
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
  ...(['lag', 'catchUp', 'removeClaim', 'damageRecord', 'damageItem', 'jumpAhead', 'jumpBack'] as const),
  ...(['refuseSettling', 'refuseClaims', 'refuseDeadLetters', 'throttle', 'permit', 'permit', 'permit'] as const),
] as const;

/** One step: who, what, and how many turns of the event loop pass afterwards. */
export interface Step {
  readonly who: number;
  readonly deed: (typeof DEEDS)[number];
  readonly turns: number;
}

/** Permissions of a directory, without which its children cannot be created or deleted. */
const ALL = 31;
const CREATE = 4;
const DELETE = 8;

const CLAIMS = `${QUEUE_PATH}-side/claims`;
const DEAD_LETTERS = `${QUEUE_PATH}-dead-letters`;

/** What an operator may refuse: settling, claiming, putting aside. */
const refusals = {
  refuseSettling: { path: CLAIMS, perms: ALL - DELETE },
  refuseClaims: { path: CLAIMS, perms: ALL - CREATE },
  refuseDeadLetters: { path: DEAD_LETTERS, perms: ALL - CREATE },
} as const;

/** By how much the wall clock of all users jumps, in milliseconds: past the time for which an item is left alone. */
const JUMP_MS = 61_000;

/** A queue, its users, and what befalls them. */
export class QueueWorld {
  readonly #server: TestServer;
  readonly #maxItems: number | undefined;
  readonly #history = new QueueHistory();
  readonly #workers: QueueWorker[] = [];
  #operator: Keeper | null = null;
  #wallOffsetMs = 0;
  #count = 0;

  private constructor(server: TestServer, maxItems: number | undefined) {
    this.#server = server;
    this.#maxItems = maxItems;
  }

  /** Plays it all. Returns what was wrong. */
  static async play(workers: number, maxItems: number | undefined, steps: readonly Step[]): Promise<string[]> {
    const server = await TestServer.start({ clock: new VirtualClock(), tickTimeMs: 500 });
    const world = new QueueWorld(server, maxItems);
    const wallNow = systemClock.wallNow.bind(systemClock);
    const wall = vi.spyOn(systemClock, 'wallNow').mockImplementation(() => wallNow() + world.#wallOffsetMs);
    try {
      world.#operator = await connectUser(server, 1_000);
      for (let index = 0; index < workers; index++) world.#workers.push(await world.#newcomer(index));
      for (const step of steps) {
        await world.#do(step);
        await turns(step.turns);
      }
      await world.#finish();
      const { complaints, story } = world.#history;
      return complaints.length === 0 ? [] : [...complaints, ...story];
    } finally {
      await Promise.all([world.#operator?.close(), ...world.#workers.map(({ keeper }) => keeper.close())]);
      await server.stop();
      wall.mockRestore();
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
    if (deed === 'damageRecord' || deed === 'damageItem') await this.#damage(deed);
    if (deed === 'jumpAhead') this.#wallOffsetMs += JUMP_MS;
    if (deed === 'jumpBack') this.#wallOffsetMs -= JUMP_MS;
    // A watch whose removal is throttled stays on the server: the client sends that once.
    const when = ({ operation }: { readonly operation: string }): boolean => operation !== 'removeWatches';
    if (deed === 'throttle') for (let count = 0; count < 40; count++) void faults.throttleOnce({ sessionId, when });
    if (deed === 'refuseSettling' || deed === 'refuseClaims' || deed === 'refuseDeadLetters') {
      const { path, perms } = refusals[deed];
      await this.#operate((operator) => setPerms(operator, path, perms));
    }
    if (deed === 'permit') await this.#permit();
  }

  async #permit(): Promise<void> {
    this.#server.faults.clear();
    for (const path of [CLAIMS, DEAD_LETTERS]) await this.#operate((operator) => setPerms(operator, path, ALL));
  }

  /** Overwrites what is known of an item, or the version of the item itself, so that it cannot be read; its value is where it was. */
  async #damage(what: 'damageRecord' | 'damageItem'): Promise<void> {
    const directory = what === 'damageItem' ? QUEUE_PATH : `${QUEUE_PATH}-side/attempts`;
    const znodes = this.#server.dump();
    const one = znodes.find(({ path }) => path.startsWith(`${directory}/queue-`));
    const item = znodes.find(({ path }) => path === `${QUEUE_PATH}/${one?.path.slice(directory.length + 1)}`);
    if (one === undefined || !item?.data) return;
    this.#history.damaged(valueIn(item.data), what === 'damageRecord');
    const data = what === 'damageItem' ? Buffer.from(item.data) : Buffer.from('no record');
    if (what === 'damageItem') data.writeInt32BE(0x00990099);
    await this.#operate((operator) => operator.setData().forPath(one.path, data));
  }

  /** Something may be gone, or not be there yet. */
  async #operate(work: (operator: Keeper) => Promise<unknown>): Promise<void> {
    if (this.#operator !== null) await work(this.#operator).catch(() => {});
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
    await this.#permit();
    for (const one of this.#workers) {
      one.giveUp();
      for (let left = one.held.length; left > 0; left--) one.settle('retry');
    }
    await this.#patiently('giving up', Promise.all(this.#workers.map((one) => one.idle())));
    // Nothing is on its way any more.
    await this.#patiently('calm', Promise.all(this.#workers.map(({ keeper }) => keeper.sync().forPath('/'))));
    this.#expireGhosts();
    await this.#patiently(
      'cleaning up',
      until(() => (this.#remains().length === 0 ? true : undefined), {
        what: 'it',
        everyMs: 1,
        timeoutMs: 2 * PATIENCE_MS,
      }),
    );
    // What is left alone is to be had now. A session that began before the jump would not be certain to live for a while.
    this.#wallOffsetMs += JUMP_MS;
    const keeper = await connectUser(this.#server, 1_000);
    const left = await this.#patiently('the rest', this.#takeAll(keeper));
    const letters = await new PriorityQueue<string>(keeper, QUEUE_PATH).deadLetters();
    if (left !== null)
      this.#history.judge(
        left,
        letters.map(({ data }) => valueIn(data)),
      );
    await keeper.close();
    const records = this.#server.dump().filter(({ path }) => path.startsWith(`${QUEUE_PATH}-side/attempts/`));
    if (records.length > 0) this.#history.complaints.push(`records are left: ${records.map(({ path }) => path)}`);
  }

  /** Sessions that their users have given up after a jump of the clock end by themselves on a server whose clock goes on. */
  #expireGhosts(): void {
    const own = new Set(
      [this.#operator, ...this.#workers.map(({ keeper }) => keeper)].map((keeper) => keeper?.sessionId),
    );
    for (const { id } of this.#server.sessions) if (!own.has(id)) this.#server.expireSession(id);
  }

  /** Takes what is left, in order; it is worked off like anything else. */
  async #takeAll(keeper: Keeper): Promise<string[]> {
    const values: string[] = [];
    const all = new PriorityQueue<string>(keeper, QUEUE_PATH, { maxAttempts: 1_000 });
    let last = '';
    for (;;) {
      const delivery = await takeUnlessEmpty(all);
      if (delivery === null) return values;
      values.push(delivery.value);
      if (delivery.path < last) this.#history.complaints.push(`${delivery.path} comes after ${last}`);
      last = delivery.path;
      await delivery.ack();
    }
  }

  /** What must not be there when nobody does anything. */
  #remains(): string[] {
    const places = ['claims', 'line', 'markers', 'producers'].map((name) => `${QUEUE_PATH}-side/${name}/`);
    const znodes = this.#server.dump().filter(({ path }) => places.some((place) => path.startsWith(place)));
    return [...znodes.map(({ path }) => path), ...this.#server.sessions.flatMap(({ watches }) => watches)];
  }

  #patiently<T>(what: string, work: Promise<T>): Promise<T | null> {
    return patiently(work, () => {
      this.#history.complaints.push(`${what} hangs; there are ${this.#remains()}`);
      for (const { path, stat, data } of this.#server.dump(`${QUEUE_PATH}-side`)) {
        this.#history.story.push(`${path} of ${stat.ephemeralOwner}, version ${stat.version}: ${data}`);
      }
    });
  }

  async #newcomer(index: number): Promise<QueueWorker> {
    this.#count += 1;
    // Every other one soon gives up a request, so that what its recipe does then is seen.
    const keeper = await connectUser(this.#server, this.#count % 2 === 0 ? 1_000 : 3);
    const worker = new QueueWorker(`${index}.${this.#count}`, keeper, this.#history, this.#maxItems);
    keeper.on('state', (state) => this.#history.story.push(`${worker.id} is ${state}, session ${keeper.sessionId}`));
    keeper.on('backgroundError', ({ error, operation, path }) => {
      this.#history.story.push(`${worker.id}, ${operation} ${path}: ${error}`);
      // What it had still to do, the end of its session has done; and who processes a queue is told so what is not settled.
      const isTold =
        operation === 'settling a delivery' && (error instanceof HoldLostError || error instanceof ConnectionLossError);
      const isExpected = isPassing(error) || error instanceof NoAuthError;
      if (!worker.isDead && !isTold && !isExpected)
        this.#history.complaints.push(`${index}, ${operation} ${path}: ${error}`);
    });
    return worker;
  }
}

async function setPerms(operator: Keeper, path: string, perms: number): Promise<void> {
  await operator
    .setAcl()
    .withAcl([{ perms, id: { scheme: 'world', id: 'anyone' } }])
    .forPath(path);
}

/** The next item; `null` when there is none: those that cannot be read are put aside meanwhile. */
async function takeUnlessEmpty(queue: PriorityQueue<string>): Promise<Delivery<string> | null> {
  const giving = giver();
  const taking = queue.take({ signal: giving.signal }).catch((error: unknown) => {
    if (giving.signal.aborted) return null;
    throw error;
  });
  let isTaken = false;
  void taking.then(
    () => {
      isTaken = true;
    },
    () => {
      isTaken = true;
    },
  );
  while (!isTaken && (await queue.size()) > 0) await turns(5);
  if (!isTaken) giving.abort();
  return await taking;
}

/** The one value that is framed in an item. */
function valueIn(data: Uint8Array): string {
  return JSON.parse(Buffer.from(data).subarray(9, -1).toString());
}
