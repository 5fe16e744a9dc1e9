import { type JournalEntry, monotonicMs } from '../journal.js';
import type { ServiceStatus } from '../service/status-server.js';
import type { Fleet } from './fleet.js';
import type { ServiceProcess } from './service-process.js';
import type { Timeline } from './timeline.js';
import type { DemoZooKeeper } from './zookeeper.js';

/** What was measured, in milliseconds. */
export interface Measurements {
  /** From SIGTERM of a leader to the election of the next. */
  readonly handoverMs: number;
  /** From SIGKILL of a leader to the election of the next. */
  readonly failoverMs: number;
  /** What the server granted. */
  readonly sessionTimeoutMs: number;
}

type Entry<Event extends JournalEntry['event']> = JournalEntry & { readonly event: Event };

const NAMES = ['billing-1', 'billing-2', 'billing-3'];
/** How long the leader is paused, in session timeouts. */
const PAUSE = 1.75;
/** A run of the job that began so many milliseconds ago has most of its time before it. */
const FRESH_MS = 50;

/** Three processes, and what befalls those of them that lead. */
export class Scenario {
  readonly #fleet: Fleet;
  readonly #timeline: Timeline;
  readonly #zookeeper: DemoZooKeeper;

  constructor(fleet: Fleet, timeline: Timeline, zookeeper: DemoZooKeeper) {
    this.#fleet = fleet;
    this.#timeline = timeline;
    this.#zookeeper = zookeeper;
  }

  /** Plays it to the end, when all processes have ended. */
  async play(): Promise<Measurements> {
    this.#tell(`starts ${NAMES.join(', ')}`);
    const [first] = NAMES.map((name) => this.#fleet.start(name));
    const sessionTimeoutMs = await this.#sessionTimeoutOf(first as ServiceProcess);
    const handoverMs = await this.#handOver();
    await this.#killServer();
    const failoverMs = await this.#failOver();
    await this.#pause(sessionTimeoutMs);
    await this.#showStatus();
    await this.#endAll();
    return { handoverMs, failoverMs, sessionTimeoutMs };
  }

  async #sessionTimeoutOf(service: ServiceProcess): Promise<number> {
    const { sessionTimeoutMs } = await this.#untilEntry(service, 'started', 0);
    this.#tell(`the server grants a session timeout of ${sessionTimeoutMs} ms`);
    return sessionTimeoutMs;
  }

  /** The leader is told to end: it hands over at once. */
  async #handOver(): Promise<number> {
    const leader = await this.#untilLeader();
    this.#tell(`SIGTERM to ${leader.name}, which leads`);
    const sentAt = this.#fleet.end(leader, 'SIGTERM');
    const ms = (await this.#untilElected(sentAt, leader)).at - sentAt;
    this.#tell(`handed over after ${Math.round(ms)} ms`);
    await this.#fleet.until(`the end of ${leader.name}`, () => !leader.isAlive || undefined);
    await this.#restart(leader);
    return ms;
  }

  /** The leader dies: its session has to time out first. */
  async #failOver(): Promise<number> {
    const leader = await this.#untilLeader();
    this.#tell(`SIGKILL to ${leader.name}, which leads`);
    const sentAt = this.#fleet.end(leader, 'SIGKILL');
    const ms = (await this.#untilElected(sentAt, leader)).at - sentAt;
    this.#tell(`failed over after ${Math.round(ms)} ms`);
    await this.#restart(leader);
    return ms;
  }

  /** The leader is paused in the middle of its work until another leads, and then goes on where it was. */
  async #pause(sessionTimeoutMs: number): Promise<void> {
    const leader = await this.#untilLeaderInARun();
    const period = runUnderWay(leader)?.period;
    this.#tell(`SIGSTOP to ${leader.name}, which leads and is about to close period ${period}`);
    const stoppedAt = monotonicMs();
    leader.send('SIGSTOP');
    const next = await this.#untilElected(stoppedAt, leader);
    await this.#untilLeader(next.at);
    await this.#fleet.untilTime(stoppedAt + PAUSE * sessionTimeoutMs);
    const continuedAt = monotonicMs();
    this.#tell(`SIGCONT to ${leader.name}, after ${Math.round(continuedAt - stoppedAt)} ms: it goes on where it was`);
    leader.send('SIGCONT');
    await this.#untilEntry(leader, 'refused', continuedAt);
    const firstAct = leader.entries.find(({ at }) => at > continuedAt);
    if (firstAct?.event !== 'deposed') throw new Error(`${leader.name} did '${firstAct?.event}' before it looked`);
  }

  /** Caught in the middle of a run of its job, as fresh as can be, so that it does not end before the signal arrives. */
  #untilLeaderInARun(): Promise<ServiceProcess> {
    const isFresh = (service: ServiceProcess) => monotonicMs() - (runUnderWay(service)?.at ?? 0) < FRESH_MS;
    return this.#fleet.until('a leader in the middle of a run', () =>
      this.#alive().find((service) => isAtWork(service) && isFresh(service)),
    );
  }

  /** In an ensemble of the demo's own: the server dies that leads the servers. */
  async #killServer(): Promise<void> {
    const { killLeader } = this.#zookeeper;
    if (killLeader === null) return;
    await this.#untilLeader();
    this.#tell('SIGKILL to the ZooKeeper server that leads the ensemble');
    const killedAt = monotonicMs();
    const address = await killLeader();
    this.#tell(`the server at ${address} is dead; the other two elect a leader of their own`);
    await this.#untilLeader(killedAt + 1_000);
  }

  async #restart({ name }: ServiceProcess): Promise<void> {
    this.#tell(`starts ${name} again`);
    await this.#untilEntry(this.#fleet.start(name), 'started', 0);
  }

  /** Asks the processes by HTTP, as anybody could. */
  async #showStatus(): Promise<void> {
    for (const service of this.#alive()) {
      const { port } = await this.#untilEntry(service, 'started', 0);
      const response = await fetch(`http://127.0.0.1:${port}/status`);
      const { leads, validForMs } = (await response.json()) as ServiceStatus;
      const text = leads ? `leads, certainly for another ${Math.round(validForMs)} ms` : 'does not lead';
      this.#tell(`GET /status of ${service.name}: ${text}`);
    }
  }

  async #endAll(): Promise<void> {
    const alive = this.#alive();
    this.#tell('SIGTERM to all');
    for (const service of alive) this.#fleet.end(service, 'SIGTERM');
    await this.#fleet.until('all to end', () => alive.every(({ isAlive }) => !isAlive) || undefined);
  }

  #alive(): ServiceProcess[] {
    return this.#fleet.processes.filter(({ isAlive }) => isAlive);
  }

  /** The first entry of that kind that a process wrote after that time. */
  #untilEntry<Event extends JournalEntry['event']>(
    service: ServiceProcess,
    event: Event,
    afterMs: number,
  ): Promise<Entry<Event>> {
    return this.#fleet.until(`'${event}' of ${service.name}`, () =>
      service.entries.find((entry): entry is Entry<Event> => entry.event === event && entry.at > afterMs),
    );
  }

  /** The first election after that time of anyone but that process. */
  #untilElected(afterMs: number, except: ServiceProcess): Promise<Entry<'elected'>> {
    return this.#fleet.until('an election', () =>
      this.#fleet.processes
        .filter((service) => service !== except)
        .flatMap(({ entries }) => entries)
        .find((entry): entry is Entry<'elected'> => entry.event === 'elected' && entry.at > afterMs),
    );
  }

  /** Whoever leads and has done some work as the leader after that time. */
  #untilLeader(afterMs = 0): Promise<ServiceProcess> {
    return this.#fleet.until('a leader at work', () => this.#alive().find((service) => isAtWork(service, afterMs)));
  }

  #tell(text: string): void {
    this.#fleet.readJournals();
    this.#timeline.tell(monotonicMs(), text);
  }
}

/** Closed a period or two in the tenure that still stands, as far as is recorded. */
function isAtWork({ entries }: ServiceProcess, afterMs = 0): boolean {
  const tenure = entries.findLast((entry) => entry.event === 'elected' || entry.event === 'deposed');
  if (tenure?.event !== 'elected') return false;
  const closed = entries.filter((entry) => entry.event === 'committed' && entry.token === tenure.token);
  return closed.filter(({ at }) => at > afterMs).length >= 2;
}

/** The run of its job that a process is in, if that is the last that it recorded. */
function runUnderWay({ entries }: ServiceProcess): Entry<'begun'> | undefined {
  const last = entries.at(-1);
  return last?.event === 'begun' ? last : undefined;
}
