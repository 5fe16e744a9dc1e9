import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Keeper, NotHeldError } from '@zk-recipes/core';
import { LeaderLatch, type Tenure } from '@zk-recipes/leader-election';
import { Journal } from '../journal.js';
import { closePeriods } from './billing-job.js';
import { LeadershipRecord } from './leadership-record.js';
import { Ledger } from './ledger.js';
import type { Settings } from './settings.js';
import { createStatusServer, type ServiceStatus } from './status-server.js';

/** How long a leader that has failed does not work, in milliseconds. */
const FAILURE_PAUSE_MS = 1_000;

/** One process of the service: answers HTTP always, and closes billing periods while it leads. */
export class BillingService {
  readonly #settings: Settings;
  readonly #keeper: Keeper;
  readonly #journal: Journal;
  readonly #ledger: Ledger;
  readonly #latch: LeaderLatch;
  readonly #record: LeadershipRecord;
  readonly #http: Server;
  readonly #stopping = new AbortController();
  #work: Promise<void> = Promise.resolve();

  private constructor(settings: Settings, keeper: Keeper) {
    this.#settings = settings;
    this.#keeper = keeper;
    this.#journal = new Journal(settings.journalPath);
    this.#ledger = new Ledger(keeper);
    this.#latch = new LeaderLatch(keeper, '/leader', { id: settings.name });
    this.#record = new LeadershipRecord(this.#latch, this.#journal);
    this.#http = createStatusServer({ isHealthy: () => this.#isHealthy(), status: () => this.#status() });
  }

  /** Connects, listens, and stands for election. */
  static async start(settings: Settings): Promise<BillingService> {
    const { connectString, namespace, sessionTimeoutMs } = settings;
    const keeper = await Keeper.connect({ connectString, namespace, sessionTimeoutMs });
    const service = new BillingService(settings, keeper);
    await service.#start();
    return service;
  }

  async #start(): Promise<void> {
    this.#keeper.on('backgroundError', ({ operation, error }) => console.error(`${operation}: ${error}`));
    await this.#ledger.prepare();
    this.#http.listen(this.#settings.port);
    await once(this.#http, 'listening');
    await this.#latch.start();
    const { port } = this.#http.address() as AddressInfo;
    const { sessionTimeoutMs } = this.#keeper;
    this.#journal.write({ event: 'started', pid: process.pid, port, sessionTimeoutMs });
    console.log(`${this.#settings.name} listens on port ${port}`);
    this.#work = this.#leadWheneverElected();
  }

  /** Each turn of the loop is one tenure; it ends when the latch is closed. */
  async #leadWheneverElected(): Promise<void> {
    for await (const tenure of this.#latch.tenures()) {
      console.log(`${this.#settings.name} leads, fencing token ${tenure.fencingToken}`);
      try {
        await closePeriods(tenure, {
          ledger: this.#ledger,
          journal: this.#journal,
          periodMs: this.#settings.periodMs,
          stopping: this.#stopping.signal,
        });
      } catch (error) {
        // It was deposed between two periods, or is asked to end.
        const isExpected = error instanceof NotHeldError || this.#stopping.signal.aborted;
        if (!isExpected) await this.#makeRoom(tenure, error);
      } finally {
        await tenure[Symbol.asyncDispose]();
      }
      console.log(`${this.#settings.name} leads no more`);
    }
  }

  /** A leader that cannot do its job makes room for another. It pauses: if it is the only one, it is elected again at once. */
  async #makeRoom(tenure: Tenure, error: unknown): Promise<void> {
    console.error(`Closing periods: ${error}`);
    await tenure[Symbol.asyncDispose]();
    await delay(FAILURE_PAUSE_MS, undefined, { signal: this.#stopping.signal }).catch(() => {});
  }

  /** Hands over at once, then ends in good order: in 3 s also when there is no server. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#http.close();
    this.#http.closeAllConnections();
    await this.#latch.close();
    // Whatever the work still waits for ends with the keeper.
    await this.#keeper.close();
    await this.#work;
    this.#journal.write({ event: 'left' });
    this.#journal.close();
  }

  #isHealthy(): boolean {
    return !this.#stopping.signal.aborted && this.#keeper.connectionState !== 'LOST';
  }

  async #status(): Promise<ServiceStatus> {
    const candidates = await this.#latch.participants();
    const validForMs = this.#record.look();
    return {
      name: this.#settings.name,
      pid: process.pid,
      connection: this.#keeper.connectionState,
      leads: validForMs > 0,
      validForMs,
      fencingToken: this.#latch.tenure?.fencingToken.toString() ?? null,
      candidates: candidates.map(({ id }) => id),
    };
  }
}
