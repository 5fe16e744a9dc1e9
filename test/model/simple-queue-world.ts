import { ConnectionLossError, Keeper } from '@zk-recipes/core';
import { SimpleQueue } from '@zk-recipes/queues';
import { TestServer, VirtualClock } from '@zk-recipes/test-server';
import { until } from '@zk-recipes/test-support';
import { Calls, connectUser, giver, PATIENCE_MS, patiently, turns } from './queue-users.js';

/** What may be done by a user of a simple queue, or to it. */
export const SIMPLE_DEEDS = [
  ...(['offer', 'offer', 'offer', 'offerTwo', 'poll', 'poll', 'take', 'take', 'take', 'peek'] as const),
  ...(['giveUp', 'crash', 'expire', 'disconnect', 'loseReply', 'loseReply', 'loseRequest', 'lag', 'catchUp'] as const),
] as const;

/** One step: who, what, and how many turns of the event loop pass afterwards. */
export interface SimpleStep {
  readonly who: number;
  readonly deed: (typeof SIMPLE_DEEDS)[number];
  readonly turns: number;
}

const PATH = '/model/simple';

/** What happened, and what must not have happened. */
class SimpleHistory {
  readonly complaints: string[] = [];
  /** What happened, in order, for whoever has to find out why there are complaints. */
  readonly story: string[] = [];
  readonly #offers = new Map<string, 'under way' | 'done' | 'unknown'>();
  readonly #taken = new Set<string>();
  /** How often somebody who would have taken something does not know whether he did. */
  #inDoubt = 0;
  #takesUnderWay = 0;
  #mostTakesUnderWay = 0;
  /** Names of the items that are there, as the server tells. */
  readonly #there = new Set<string>();

  offerBegins(value: string): void {
    this.#offers.set(value, 'under way');
  }

  offerEnds(value: string, how: 'done' | 'unknown'): void {
    this.#offers.set(value, how);
    this.story.push(`offer of ${value}: ${how}`);
  }

  seen(value: string): void {
    if (!this.#offers.has(value)) this.complaints.push(`${value} was never offered, and is seen`);
    if (this.#taken.has(value)) this.story.push(`${value} is seen, which was taken meanwhile`);
  }

  takeBegins(): void {
    this.#takesUnderWay += 1;
    this.#mostTakesUnderWay = Math.max(this.#mostTakesUnderWay, this.#takesUnderWay);
  }

  /** @param value `null` if there was nothing */
  taken(value: string | null): void {
    this.#takesUnderWay -= 1;
    if (value === null) return;
    this.story.push(`${value} is taken`);
    if (!this.#offers.has(value)) this.complaints.push(`${value} was never offered, and is taken`);
    if (this.#taken.has(value)) this.complaints.push(`${value} is taken twice`);
    this.#taken.add(value);
  }

  takeFailed(): void {
    this.#takesUnderWay -= 1;
    this.#inDoubt += 1;
  }

  added(name: string): void {
    this.#there.add(name);
  }

  /**
   * Items go in the order in which they came: those that are left before one are of others who take at the same time, or have given up. How
   * many they were then is not known exactly: of what happened on the server one hears later.
   */
  removed(name: string): void {
    this.#there.delete(name);
    const before = [...this.#there].filter((other) => other < name);
    const takers = this.#mostTakesUnderWay + this.#inDoubt;
    if (before.length > takers) this.complaints.push(`${name} is taken before ${before} of ${takers} who take at most`);
  }

  /** Judges in the end. @param left values of items that are still there */
  judge(left: readonly string[]): void {
    const lost = [...this.#offers].filter(
      ([value, offer]) => offer === 'done' && !this.#taken.has(value) && !left.includes(value),
    );
    if (lost.length > this.#inDoubt)
      this.complaints.push(
        `${lost.map(([value]) => value)} are lost, where ${this.#inDoubt} do not know what they took`,
      );
    for (const value of left) if (this.#taken.has(value)) this.complaints.push(`${value} was taken, and is there`);
    if (new Set(left).size < left.length) this.complaints.push(`some are there twice: ${left}`);
    for (const [value, offer] of this.#offers)
      if (offer === 'under way') this.complaints.push(`the offer of ${value} hangs`);
  }
}

/** Somebody who offers and takes; a new one comes in its place when it crashes. */
class SimpleUser {
  readonly keeper: Keeper;
  readonly queue: SimpleQueue;
  readonly #id: string;
  readonly #history: SimpleHistory;
  readonly #calls = new Calls();
  #controller = giver();
  #offers = 0;
  isDead = false;

  constructor(id: string, keeper: Keeper, history: SimpleHistory) {
    this.#id = id;
    this.keeper = keeper;
    this.queue = new SimpleQueue(keeper, PATH);
    this.#history = history;
  }

  offer(): void {
    const value = `${this.#id}/${++this.#offers}`;
    this.#history.offerBegins(value);
    const offering = this.queue.offer(Buffer.from(value), { signal: this.#controller.signal });
    const failed = (error: unknown): void => {
      this.#history.offerEnds(value, 'unknown');
      this.#expect(error, 'offer');
    };
    this.#calls.follow(offering.then(() => this.#history.offerEnds(value, 'done'), failed));
  }

  take(verb: 'poll' | 'take'): void {
    this.#history.takeBegins();
    const taking = this.queue[verb]({ signal: this.#controller.signal });
    const failed = (error: unknown): void => {
      this.#history.takeFailed();
      this.#expect(error, verb);
    };
    this.#calls.follow(taking.then((data) => this.#history.taken(data && String(data)), failed));
  }

  peek(): void {
    const peeking = this.queue.peek({ signal: this.#controller.signal });
    const seen = (data: Buffer | null): void => void (data !== null && this.#history.seen(String(data)));
    this.#calls.follow(peeking.then(seen, (error: unknown) => this.#expect(error, 'peek')));
  }

  giveUp(): void {
    this.#controller.abort(new Error('given up'));
    this.#controller = giver();
  }

  async die(): Promise<void> {
    this.isDead = true;
    await this.keeper.close();
    await this.idle();
  }

  async idle(): Promise<void> {
    await this.#calls.ended();
  }

  #expect(error: unknown, what: string): void {
    const isGivenUp = error instanceof Error && error.message === 'given up';
    if (isGivenUp || this.isDead || error instanceof ConnectionLossError) return;
    this.#history.complaints.push(`${this.#id}, ${what}: ${error}`);
  }
}

/** A simple queue, its users, and what befalls them. */
export class SimpleQueueWorld {
  readonly #server: TestServer;
  readonly #history = new SimpleHistory();
  readonly #users: SimpleUser[] = [];
  #count = 0;

  private constructor(server: TestServer) {
    this.#server = server;
  }

  /** Plays it all. Returns what was wrong. */
  static async play(users: number, steps: readonly SimpleStep[]): Promise<string[]> {
    const server = await TestServer.start({ clock: new VirtualClock(), tickTimeMs: 500 });
    const world = new SimpleQueueWorld(server);
    const observer = await Keeper.connect({ connectString: server.connectString, sessionTimeoutMs: 10_000 });
    try {
      // Persistent, so that numbers never begin anew.
      await observer.create().creatingParents().forPath(PATH, '');
      const watch = await observer.watch().forPath(PATH, ({ type, path }) => {
        if (!path?.startsWith(`${PATH}/qn-`)) return;
        if (type === 'NodeCreated') world.#history.added(path);
        if (type === 'NodeDeleted') world.#history.removed(path);
      });
      for (let index = 0; index < users; index++) world.#users.push(await world.#newcomer(index));
      for (const step of steps) {
        await world.#do(step);
        await turns(step.turns);
      }
      await watch.remove();
      await world.#finish();
      const { complaints, story } = world.#history;
      return complaints.length === 0 ? [] : [...complaints, ...story];
    } finally {
      await Promise.all([observer, ...world.#users.map(({ keeper }) => keeper)].map((keeper) => keeper.close()));
      await server.stop();
    }
  }

  async #do({ who, deed }: SimpleStep): Promise<void> {
    this.#history.story.push(`-- ${who} ${deed}`);
    const index = who % this.#users.length;
    const one = this.#users[index] as SimpleUser;
    const { sessionId } = one.keeper;
    const { faults } = this.#server;
    if (deed === 'offer' || deed === 'offerTwo') one.offer();
    if (deed === 'offerTwo') one.offer();
    if (deed === 'poll' || deed === 'take') one.take(deed);
    if (deed === 'peek' || deed === 'giveUp') one[deed]();
    if (deed === 'crash') {
      one.isDead = true;
      this.#server.expireSession(sessionId);
      const gone = one.die();
      this.#users[index] = await this.#newcomer(index);
      await this.#patiently('a crash', gone);
    }
    if (deed === 'expire') this.#server.expireSession(sessionId);
    if (deed === 'disconnect') this.#server.disconnect(sessionId);
    if (deed === 'loseReply') void faults.dropReplyOnce({ sessionId });
    if (deed === 'loseRequest') void faults.dropRequestOnce({ sessionId });
    if (deed === 'lag') faults.staleReads(sessionId);
    if (deed === 'catchUp') await Promise.allSettled([one.keeper.sync().forPath('/')]);
  }

  async #finish(): Promise<void> {
    this.#server.faults.clear();
    for (const one of this.#users) one.giveUp();
    await this.#patiently('giving up', Promise.all(this.#users.map((one) => one.idle())));
    await this.#patiently('calm', Promise.all(this.#users.map(({ keeper }) => keeper.sync().forPath('/'))));
    const isClean = (): true | undefined => (this.#remains().length === 0 ? true : undefined);
    const cleaning = until(isClean, { what: 'it', everyMs: 1, timeoutMs: 2 * PATIENCE_MS });
    await this.#patiently('cleaning up', cleaning);
    const [one] = this.#users;
    const left = await this.#patiently('the rest', pollAll((one as SimpleUser).queue));
    if (left !== null) this.#history.judge(left);
  }

  /** What must not be there when nobody does anything. */
  #remains(): string[] {
    const places = ['markers', 'takers', 'producers'].map((name) => `${PATH}-side/${name}/`);
    const znodes = this.#server.dump().filter(({ path }) => places.some((place) => path.startsWith(place)));
    return [...znodes.map(({ path }) => path), ...this.#server.sessions.flatMap(({ watches }) => watches)];
  }

  #patiently<T>(what: string, work: Promise<T>): Promise<T | null> {
    return patiently(work, () => this.#history.complaints.push(`${what} hangs; there are ${this.#remains()}`));
  }

  async #newcomer(index: number): Promise<SimpleUser> {
    const keeper = await connectUser(this.#server);
    this.#count += 1;
    const user = new SimpleUser(`${index}.${this.#count}`, keeper, this.#history);
    keeper.on('backgroundError', ({ error, operation, path }) => {
      // What it had still to do, the end of its session has done.
      if (!user.isDead) this.#history.complaints.push(`${index}, ${operation} ${path}: ${error}`);
    });
    return user;
  }
}

async function pollAll(queue: SimpleQueue): Promise<string[]> {
  const values: string[] = [];
  for (let data = await queue.poll(); data !== null; data = await queue.poll()) values.push(String(data));
  return values;
}
