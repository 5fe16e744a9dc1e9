import {
  ConnectionLossError,
  type Keeper,
  MultiError,
  NoNodeError,
  SessionExpiredError,
  type Transaction,
} from '@zk-recipes/core';

/** What is written when a billing period is closed. */
export interface Invoice {
  readonly period: number;
  readonly units: number;
  /** Name of the process that wrote it. */
  readonly by: string;
  /** Fencing token of the tenure in which it was written. */
  readonly token: string;
}

/** An invoice as it stands in the ledger. */
export interface LedgerEntry extends Invoice {
  /** The transaction that wrote it: the ledger's true order. */
  readonly czxid: bigint;
}

/** What became of a closing: it is in the ledger; the server refused it; the period had been closed before. */
export type Closing = 'committed' | 'refused' | 'taken';

const DIRECTORY = '/ledger';

/** The closed billing periods, a znode each: `/ledger/period-00000001` and so on. */
export class Ledger {
  readonly #keeper: Keeper;

  constructor(keeper: Keeper) {
    this.#keeper = keeper;
  }

  /** Creates the ledger if there is none. */
  async prepare(): Promise<void> {
    await this.#keeper.create().creatingParents().orSetData().forPath(DIRECTORY, null);
  }

  /** The first period that is not closed. */
  async nextPeriod(): Promise<number> {
    // A follower's list may be old; after a sync it is not older than the end of the last leader's tenure.
    await this.#keeper.sync().forPath(DIRECTORY);
    const names = await this.#keeper.getChildren().forPath(DIRECTORY);
    return Math.max(0, ...names.map(periodOf)) + 1;
  }

  /**
   * Writes an invoice, provided that the tenure stands whose guard this is.
   *
   * @param guard as `tenure.guard()` began it
   * @param signal gives up repeating it after a loss of the connection or the session
   */
  async close(guard: Transaction, invoice: Invoice, signal: AbortSignal): Promise<Closing> {
    const entry = guard.create(pathOf(invoice.period), JSON.stringify(invoice));
    for (;;) {
      try {
        await entry.commit();
        return 'committed';
      } catch (error) {
        // Sent again without fear, in another session, too: the guard goes with it, and a name can be created only once.
        if (isSessionOrConnectionLost(error) && !signal.aborted) continue;
        if (!(error instanceof MultiError)) throw error;
        // An earlier attempt may have gone through, its reply being lost.
        if (await this.#isWritten(invoice)) return 'committed';
        return error.failedIndex === 0 ? 'refused' : 'taken';
      }
    }
  }

  async #isWritten(invoice: Invoice): Promise<boolean> {
    try {
      const data = await this.#keeper.getData().forPath(pathOf(invoice.period));
      const { by, token } = parseInvoice(data);
      return by === invoice.by && token === invoice.token;
    } catch (error) {
      if (error instanceof NoNodeError) return false;
      throw error;
    }
  }

  /** All entries, in the order in which the server committed them. */
  async entries(): Promise<LedgerEntry[]> {
    await this.#keeper.sync().forPath(DIRECTORY);
    const names = await this.#keeper.getChildren().forPath(DIRECTORY);
    const entries = await Promise.all(
      names.map(async (name) => {
        const { data, stat } = await this.#keeper.getData().withStat().forPath(`${DIRECTORY}/${name}`);
        return { ...parseInvoice(data), czxid: stat.czxid };
      }),
    );
    return entries.sort((one, other) => (one.czxid < other.czxid ? -1 : 1));
  }
}

function isSessionOrConnectionLost(error: unknown): boolean {
  return error instanceof ConnectionLossError || error instanceof SessionExpiredError;
}

function pathOf(period: number): string {
  return `${DIRECTORY}/period-${String(period).padStart(8, '0')}`;
}

function periodOf(name: string): number {
  return Number(name.slice('period-'.length));
}

function parseInvoice(data: Buffer | null): Invoice {
  return JSON.parse(data?.toString('utf8') ?? 'null') as Invoice;
}
