import { setTimeout as delay } from 'node:timers/promises';
import { BadVersionError, Keeper, NoNodeError, Perms, retryNTimes } from '@zk-recipes/core';
import { orNull } from '@zk-recipes/core/recipe-kit';
import { type Clock, systemClock, TestServer } from '@zk-recipes/test-server';
import { Coordinator, type Outcome, Participant } from '@zk-recipes/two-phase-commit';
import { InMemoryResource } from '@zk-recipes/two-phase-commit/testing';
import { untilSettled } from './settled.js';

/** What may be done to who. */
export const DEEDS = [
  ...(['run', 'run', 'run', 'run briefly', 'give up', 'recover', 'restart participant', 'crash coordinator'] as const),
  ...(['expire', 'disconnect', 'drop reply', 'drop request', 'throttle'] as const),
  ...(['refuse', 'permit', 'damage', 'repair', 'move the clock'] as const),
];
type Deed = (typeof DEEDS)[number];

export interface Deal {
  readonly deed: Deed;
  readonly who: number;
  /** Turns of the event loop until the next one. */
  readonly turns: number;
}

const PATH = '/tx';
const NAMES = ['a', 'b', 'c'];

/** What was asked for: which participants refuse. */
interface Wish {
  readonly refusing: readonly string[];
}

/** The server's clock, whose wall time jumps. */
class JumpingClock implements Clock {
  #offsetMs = 0;
  #latestMs = 0;

  /** @param ms forward, or back; as far forward as it ever was for `Infinity` */
  jump(ms: number): void {
    this.#latestMs = Math.max(this.#latestMs, this.#offsetMs);
    this.#offsetMs = ms === Number.POSITIVE_INFINITY ? this.#latestMs : this.#offsetMs + ms;
  }

  now(): number {
    return systemClock.now();
  }

  wallNow(): number {
    return systemClock.wallNow() + this.#offsetMs;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    return systemClock.schedule(delayMs, callback);
  }
}

/** A few participants and coordinators in this process, on a server that misbehaves; looks over what they do. */
export class CommitWorld {
  readonly #server: TestServer;
  readonly #clock: JumpingClock;
  /** Paths that may only be read. */
  readonly #refused = new Set<string>();
  /** What was in the records that are damaged; `null` for an undecided decision. */
  readonly #damaged = new Map<string, Buffer | null>();
  #hand: Keeper | null = null;
  readonly #keepers: Keeper[] = [];
  readonly #resources = NAMES.map(
    (name) => new InMemoryResource<Wish>(({ payload }) => (payload.refusing.includes(name) ? 'abort' : 'commit')),
  );
  readonly #participants: Participant<Wish>[] = [];
  readonly #coordinators: Coordinator<Wish>[] = [];
  readonly #outcomes: Outcome[] = [];
  readonly #runs: Promise<unknown>[] = [];

  private constructor(server: TestServer, clock: JumpingClock) {
    this.#server = server;
    this.#clock = clock;
  }

  /** Plays, has everybody come back, and returns what went wrong. */
  static async play(deals: readonly Deal[]): Promise<string[]> {
    const clock = new JumpingClock();
    const server = await TestServer.start({ clock });
    const world = new CommitWorld(server, clock);
    try {
      world.#hand = await world.#connect();
      for (const index of NAMES.keys()) await world.#startParticipant(index);
      for (const index of [0, 1]) await world.#startCoordinator(index);
      for (const deal of deals) {
        await world.#do(deal);
        for (let turn = 0; turn < deal.turns; turn++) await delay(0);
      }
      return await world.#end();
    } finally {
      await Promise.all([...world.#keepers, world.#hand].map((keeper) => keeper?.close()));
      await server.stop();
    }
  }

  async #keeper(): Promise<Keeper> {
    const keeper = await this.#connect();
    this.#keepers.push(keeper);
    return keeper;
  }

  async #connect(): Promise<Keeper> {
    return await Keeper.connect({
      connectString: this.#server.connectString,
      sessionTimeoutMs: 10_000,
      retry: retryNTimes({ retries: 30, delayMs: 1 }),
      reconnect: { minDelayMs: 1, maxDelayMs: 5 },
    });
  }

  async #startParticipant(index: number): Promise<void> {
    const resource = this.#resources[index] as InMemoryResource<Wish>;
    const participant = new Participant<Wish>(await this.#keeper(), PATH, NAMES[index] as string, resource);
    this.#participants[index] = participant;
    await participant.start();
  }

  async #startCoordinator(index: number): Promise<void> {
    this.#coordinators[index] = new Coordinator<Wish>(await this.#keeper(), PATH, { retentionMs: 0 });
  }

  async #do({ deed, who }: Deal): Promise<void> {
    const coordinator = this.#coordinators[who % 2] as Coordinator<Wish>;
    const { sessionId } = this.#keepers[who % this.#keepers.length] as Keeper;
    switch (deed) {
      case 'run':
        return this.#run(coordinator, who, {});
      case 'run briefly':
        return this.#run(coordinator, who, { timeoutMs: 1 + (who % 10) });
      case 'give up':
        return this.#run(coordinator, who, { signal: AbortSignal.timeout(1 + (who % 7)) });
      case 'recover':
        return void this.#runs.push(coordinator.recover().catch(() => {}));
      case 'restart participant': {
        // Its resource stays, as a database would.
        const index = who % NAMES.length;
        await (this.#participants[index] as Participant<Wish>).close();
        return await this.#startParticipant(index);
      }
      case 'crash coordinator': {
        const keeper = this.#keepers[NAMES.length + (who % 2)] as Keeper;
        this.#server.expireSession(keeper.sessionId);
        return await this.#startCoordinator(who % 2);
      }
      case 'expire':
        return void this.#server.expireSession(sessionId);
      case 'disconnect':
        return void this.#server.disconnect(sessionId);
      case 'drop reply':
        return void this.#server.faults.dropReplyOnce({ op: 'multi' });
      case 'drop request':
        return void this.#server.faults.dropRequestOnce({ op: 'multi' });
      case 'throttle':
        return void this.#server.faults.throttleOnce(who % 2 === 0 ? { op: 'multi' } : {});
      case 'refuse':
        return await this.#refuse(who);
      case 'permit':
        return await this.#permit();
      case 'damage':
        return await this.#damage(who);
      case 'repair':
        return await this.#repair();
      case 'move the clock':
        return void this.#clock.jump((who % 2 === 0 ? 1 : -1) * who * 60_000);
    }
  }

  /** One of the places where something is settled may only be read. */
  async #refuse(who: number): Promise<void> {
    const places = this.#server.dump(PATH).filter(({ path }) => /\/(decision|votes|done|inbox)$/.test(path));
    const victim = places[who % places.length]?.path;
    if (victim === undefined || this.#refused.has(victim)) return;
    this.#refused.add(victim);
    await this.#setPerms(victim, Perms.READ | Perms.ADMIN);
  }

  async #permit(): Promise<void> {
    for (const path of this.#refused) await this.#setPerms(path, Perms.ALL);
    this.#refused.clear();
  }

  async #setPerms(path: string, perms: number): Promise<void> {
    const hand = this.#hand as Keeper;
    await orNull(
      hand
        .setAcl()
        .withAcl([{ perms, id: { scheme: 'world', id: 'anyone' } }])
        .forPath(path),
    );
  }

  /** A transaction, a vote or a decision is overwritten, unless it changes meanwhile. */
  async #damage(who: number): Promise<void> {
    const records = this.#server
      .dump(`${PATH}/transactions`)
      .filter(({ path }) => /^(\/[^/]+){3}(\/decision|\/votes\/.+)?$/.test(path));
    const victim = records[who % records.length];
    if (victim === undefined || this.#damaged.has(victim.path) || this.#refused.has(victim.path)) return;
    const { path, data, stat } = victim;
    const writing = (this.#hand as Keeper).setData().withVersion(stat.version);
    try {
      await writing.forPath(path, who % 3 === 0 ? '{"version":2}' : 'damaged');
      const isUndecided = path.endsWith('/decision') && stat.version === 0;
      this.#damaged.set(path, isUndecided ? null : data);
    } catch (error) {
      if (!(error instanceof NoNodeError || error instanceof BadVersionError)) throw error;
    }
  }

  /** What was overwritten is put back; a decision that was not made is made by an operator. */
  async #repair(): Promise<void> {
    await this.#permit();
    const hand = this.#hand as Keeper;
    const operator = new Coordinator<Wish>(hand, PATH, { recovery: 'manual' });
    for (const [path, data] of this.#damaged) {
      if (data !== null) await orNull(hand.setData().forPath(path, data));
    }
    for (const [path, data] of this.#damaged) {
      if (data !== null) continue;
      const id = path.split('/').at(-2) as string;
      const call = { decision: 'aborted', operator: 'hand', reason: 'damaged', replaceUnreadable: true } as const;
      await operator.force(id, call);
    }
    this.#damaged.clear();
    await operator.close();
  }

  #run(coordinator: Coordinator<Wish>, who: number, options: { timeoutMs?: number; signal?: AbortSignal }): void {
    const payload = { refusing: who % 4 === 3 ? [NAMES[who % 3] as string] : [] };
    const running = coordinator.run({ payload, participants: NAMES, timeoutMs: 3_000, ...options });
    this.#runs.push(running.then((outcome) => this.#outcomes.push(outcome)).catch(() => {}));
  }

  async #end(): Promise<string[]> {
    this.#server.faults.clear();
    await this.#repair();
    this.#clock.jump(Number.POSITIVE_INFINITY);
    await Promise.all(this.#runs);
    await Promise.all(this.#coordinators.map((coordinator) => coordinator.close()));
    const last = new Coordinator<Wish>(await this.#keeper(), PATH, { retentionMs: 0 });
    // Coordinators that were replaced live on in their keepers: they are gone now, too.
    await Promise.all(this.#keepers.slice(NAMES.length, NAMES.length + 2).map((keeper) => keeper.close()));
    const offences: string[] = [];
    try {
      const recovering = setInterval(() => void last.recover().catch(() => {}), 20);
      await untilSettled(this.#keepers.at(-1) as Keeper, PATH, 15_000).finally(() => clearInterval(recovering));
    } catch (error) {
      const left = this.#server.dump(PATH).map(({ path }) => path);
      offences.push(`${(error as Error).message}: ${JSON.stringify(await last.pending())}, ${left.join(' ')}`);
    }
    await last.close();
    return [...offences, ...this.#offences()];
  }

  #offences(): string[] {
    const offences: string[] = [];
    const committed = new Set(this.#resources.flatMap((resource) => resource.in('committed')));
    const aborted = new Set(this.#resources.flatMap((resource) => resource.in('aborted')));
    for (const id of committed) {
      if (aborted.has(id)) offences.push(`${id}: committed here, aborted there`);
      const count = this.#resources.filter((resource) => resource.stateOf(id) === 'committed').length;
      if (count !== NAMES.length) offences.push(`${id}: committed by ${count} only`);
    }
    for (const { id, decision, votes } of this.#outcomes) {
      if (committed.has(id) !== (decision === 'committed')) offences.push(`${id}: told that it is ${decision}`);
      const isUnanimous = NAMES.every((name) => votes[name] === 'commit');
      if (decision === 'committed' && !isUnanimous) offences.push(`${id}: committed by ${JSON.stringify(votes)}`);
    }
    const inDoubt = this.#resources.flatMap((resource) => resource.in('prepared'));
    return [...offences, ...inDoubt.map((id) => `${id}: left in doubt`)];
  }
}
