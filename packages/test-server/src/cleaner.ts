import type { Database } from './database.js';
import type { ServerSettings } from './options.js';
import type { Znode } from './znode.js';

/** Container manager: removes containers that have lost their last child, and TTL znodes whose time is over. */
export class Cleaner {
  readonly #database: Database;
  readonly #settings: ServerSettings;
  #cancel: () => void = () => {};

  constructor(database: Database, settings: ServerSettings) {
    this.#database = database;
    this.#settings = settings;
  }

  start(): void {
    const { clock, containerCheckIntervalMs } = this.#settings;
    this.#cancel = clock.schedule(containerCheckIntervalMs, () => {
      this.clean();
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }

  /** Removes the znodes that are due now, each in a separate transaction. */
  clean(): void {
    const { tree } = this.#database;
    for (const path of [...tree.perishable]) {
      const znode = tree.get(path);
      if (znode === undefined || znode.childCount > 0 || !this.#isDue(znode)) continue;
      this.#database.commitOne({ type: 'delete', path }, this.#database.nextZxid());
    }
  }

  #isDue({ kind, creations, mtime, ttlMs }: Znode): boolean {
    const { clock, containerMaxNeverUsedMs } = this.#settings;
    const ageMs = clock.wallNow() - mtime;
    if (kind === 'ttl') return ageMs > ttlMs;
    return creations > 0 || (containerMaxNeverUsedMs > 0 && ageMs > containerMaxNeverUsedMs);
  }
}
