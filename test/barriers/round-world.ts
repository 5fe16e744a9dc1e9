import { setTimeout as delay } from 'node:timers/promises';
import { DoubleBarrier } from '@zk-recipes/barriers';
import { Keeper, retryNTimes } from '@zk-recipes/core';
import { TestServer, VirtualClock } from '@zk-recipes/test-server';
import { until } from '@zk-recipes/test-support';
import { RoundHistory } from './round-history.js';

/** What may be done to a participant, or by it. */
export const DEEDS = [
  ...(['enter', 'enter', 'enter', 'leave', 'leave', 'leave', 'giveUp', 'crash', 'expire'] as const),
  ...(['disconnect', 'loseReply', 'loseRequest', 'lag', 'catchUp'] as const),
] as const;

/** One step: who, what, and how many turns of the event loop pass afterwards. */
export interface Step {
  readonly who: number;
  readonly deed: (typeof DEEDS)[number];
  readonly turns: number;
}

const PATH = '/every/barrier';
/** What takes longer hangs. */
const PATIENCE_MS = 5_000;

/** Somebody who uses the barrier; a new one comes in its place when it crashes. */
class Participant {
  readonly id: string;
  readonly keeper: Keeper;
  readonly barrier: DoubleBarrier;
  readonly #history: RoundHistory;
  readonly #complaints: string[];
  state: 'outside' | 'entering' | 'inside' | 'leaving' = 'outside';
  #round: ReturnType<RoundHistory['entered']>['round'] = [];
  #controller = new AbortController();
  under: Promise<void> = Promise.resolve();
  isDead = false;

  constructor(id: string, keeper: Keeper, members: number, history: RoundHistory, complaints: string[]) {
    this.id = id;
    this.keeper = keeper;
    this.barrier = new DoubleBarrier(keeper, PATH, { members, id });
    this.#history = history;
    this.#complaints = complaints;
  }

  enter(): void {
    if (this.state !== 'outside') return;
    this.state = 'entering';
    this.#controller = new AbortController();
    const { signal } = this.#controller;
    this.under = this.barrier.enter({ signal }).then(
      () => {
        const { wrong, round } = this.#history.entered(this.id);
        if (wrong !== null) this.#complaints.push(wrong);
        this.#round = round;
        this.state = 'inside';
      },
      (error: unknown) => this.#failed(error, signal),
    );
  }

  leave(): void {
    if (this.state !== 'inside') return;
    this.state = 'leaving';
    this.#controller = new AbortController();
    const { signal } = this.#controller;
    this.under = this.barrier.leave({ signal }).then(
      () => {
        const wrong = this.#history.left(this.id, this.#round);
        if (wrong !== null) this.#complaints.push(wrong);
        this.state = 'outside';
      },
      (error: unknown) => this.#failed(error, signal),
    );
  }

  giveUp(): void {
    this.#controller.abort('given up');
  }

  #failed(error: unknown, signal: AbortSignal): void {
    this.state = 'outside';
    if (!signal.aborted && !this.isDead) this.#complaints.push(`${this.id} failed: ${error}`);
  }
}

/** A barrier, more or less of its users than it asks for, and what befalls them. */
export class RoundWorld {
  readonly #server: TestServer;
  readonly #members: number;
  readonly #history: RoundHistory;
  readonly #complaints: string[] = [];
  readonly #participants: Participant[] = [];
  #count = 0;

  private constructor(server: TestServer, members: number) {
    this.#server = server;
    this.#members = members;
    this.#history = new RoundHistory(server, PATH, members);
  }

  /** Plays it all. Returns what was wrong. */
  static async play(members: number, participants: number, steps: readonly Step[]): Promise<string[]> {
    const server = await TestServer.start({ clock: new VirtualClock() });
    const world = new RoundWorld(server, members);
    try {
      for (let index = 0; index < participants; index++) world.#participants.push(await world.#newcomer(index));
      for (const step of steps) {
        await world.#do(step);
        await turns(step.turns);
      }
      await world.#finish();
      return [...world.#complaints, ...world.#history.wrongOpenings];
    } finally {
      await Promise.all(world.#participants.map(({ keeper }) => keeper.close()));
      await server.stop();
    }
  }

  async #do({ who, deed }: Step): Promise<void> {
    const index = who % this.#participants.length;
    const one = this.#participants[index] as Participant;
    const { sessionId } = one.keeper;
    const { faults } = this.#server;
    if (deed === 'enter' || deed === 'leave' || deed === 'giveUp') one[deed]();
    if (deed === 'crash') {
      one.isDead = true;
      this.#server.expireSession(sessionId);
      const gone = one.keeper.close();
      this.#participants[index] = await this.#newcomer(index);
      await gone;
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
  }

  /** All who are inside leave together; nobody hangs, and nothing of them is left. A new round is as good as any. */
  async #finish(): Promise<void> {
    this.#server.faults.clear();
    this.#server.faults.onRequest(() => this.#history.look());
    await this.#untilOutside();
    // In the background, where there was no connection.
    await this.#patiently(
      'removal',
      until(() => (this.#history.standing.length === 0 ? true : undefined), { what: 'it', everyMs: 1 }),
    );
    const crew = this.#participants.slice(0, this.#members);
    for (const one of crew) one.enter();
    await this.#patiently('the last round', Promise.all(crew.map(({ under }) => under)));
    await this.#untilOutside();
    const remains = this.#server.dump(PATH).filter(({ path }) => path !== PATH);
    if (remains.length > 0) this.#complaints.push(`left: ${remains.map(({ path }) => path)}`);
  }

  async #untilOutside(): Promise<void> {
    while (this.#participants.some(({ state }) => state !== 'outside')) {
      for (const one of this.#participants) {
        if (one.state === 'entering') one.giveUp();
        one.leave();
      }
      const under = Promise.all(this.#participants.map((one) => one.under));
      if (!(await this.#patiently('leaving', under))) return;
    }
  }

  async #patiently(what: string, work: Promise<unknown>): Promise<boolean> {
    const done = await Promise.race([work.then(() => true), delay(PATIENCE_MS, false, { ref: false })]);
    const states = (): string => this.#participants.map(({ id, state }) => `${id} ${state}`).join(', ');
    if (!done) this.#complaints.push(`${what} hangs: ${states()}; there are ${this.#history.standing}`);
    return done;
  }

  async #newcomer(index: number): Promise<Participant> {
    const keeper = await Keeper.connect({
      connectString: this.#server.connectString,
      sessionTimeoutMs: 10_000,
      retry: retryNTimes({ retries: 20, delayMs: 1 }),
      reconnect: { minDelayMs: 1, maxDelayMs: 5 },
    });
    this.#count += 1;
    const id = `${index}.${this.#count}`;
    const newcomer = new Participant(id, keeper, this.#members, this.#history, this.#complaints);
    keeper.on('backgroundError', ({ error, operation }) => {
      // What it had still to do, the end of its session has done.
      if (!newcomer.isDead) this.#complaints.push(`${id}, ${operation}: ${error}`);
    });
    return newcomer;
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
