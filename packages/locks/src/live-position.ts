import { type Keeper, UnimplementedError, type WatchedEvent, type WatchHandle } from '@zk-recipes/core';
import { callListener, type Member, nameOf } from '@zk-recipes/core/recipe-kit';
import type { LineRule } from './line-rules.js';

/**
 * Reports the number of contenders ahead in a line whenever the number changes. One watch on the whole line reports arrivals and
 * departures, so the line is read only once, and again after a reconnect.
 */
export class LivePosition {
  readonly #member: Member;
  readonly #rule: LineRule;
  readonly #tell: (position: number) => void;
  readonly #first: number;
  #ahead: Set<string> = new Set();
  #told = 0;
  #watch: Promise<WatchHandle | null> | null = null;
  #over = false;

  /**
   * @param tell callback; an error that it throws becomes a background error
   * @param first position of the second contender in the line. Default 1: only the first contender has nothing to wait for
   */
  constructor(member: Member, rule: LineRule, tell: (position: number) => void, first = 1) {
    this.#member = member;
    this.#rule = rule;
    this.#tell = tell;
    this.#first = first;
  }

  /**
   * Starts to report.
   *
   * @param names the line at the time of the last list
   */
  start(names: readonly string[]): void {
    this.#see(names);
    const { keeper, directory } = this.#member;
    this.#watch = keeper
      .watch()
      .withMode('PERSISTENT_RECURSIVE')
      .forPath(directory, this.#onEvent)
      .catch((error: unknown) => {
        // A server before 3.6 has no such watch: the position is reported once.
        if (!(error instanceof UnimplementedError)) this.#report(error);
        return null;
      });
    keeper.on('state', this.#onState);
    // Finds changes from before the watch. The read is sent together with the watch, and the server executes it after the watch.
    void this.#read();
  }

  /** Reports that no contender is ahead any more, although the caller still has to wait. */
  tellFirst(): void {
    this.#tellOnce(this.#first - 1);
  }

  /** Stops reporting and removes the watch. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    this.#keeper.off('state', this.#onState);
    this.#watch?.then((watch) => watch?.remove()).catch((error: unknown) => this.#report(error));
  }

  readonly #onState = (state: string): void => {
    // A persistent watch does not report changes that happen while the client is disconnected.
    if (state === 'RECONNECTED') void this.#read();
  };

  readonly #onEvent = ({ type, path }: WatchedEvent): void => {
    if (path === null) return;
    const name = nameOf(path);
    if (type === 'NodeDeleted') this.#ahead.delete(name);
    // New places stand behind the own place, except a writer that becomes a reader.
    else if (type === 'NodeCreated' && this.#standsBefore(name)) this.#ahead.add(name);
    else return;
    this.#tellChange();
  };

  #standsBefore(name: string): boolean {
    return name !== this.#member.name && this.#rule.inOrder([name, this.#member.name])[0] === name;
  }

  async #read(): Promise<void> {
    try {
      this.#see(await this.#keeper.getChildren().forPath(this.#member.directory));
    } catch (error) {
      if (!this.#over) this.#report(error);
    }
  }

  #see(names: readonly string[]): void {
    const ordered = this.#rule.inOrder(names);
    this.#ahead = new Set(ordered.slice(0, Math.max(0, ordered.indexOf(this.#member.name))));
    this.#tellChange();
  }

  /** Reports only positions with contenders ahead; the grant of the lock replaces a report of position 0. */
  #tellChange(): void {
    if (this.#ahead.size > 0) this.#tellOnce(this.#ahead.size + this.#first - 1);
  }

  #tellOnce(position: number): void {
    if (this.#over || position === this.#told) return;
    this.#told = position;
    callListener(this.#tell, position, (error) => this.#report(error));
  }

  #report(error: unknown): void {
    this.#keeper.reportBackgroundError(error, 'position in line', this.#member.path);
  }

  get #keeper(): Keeper {
    return this.#member.keeper;
  }
}
