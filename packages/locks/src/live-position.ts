import { type Keeper, UnimplementedError, type WatchedEvent, type WatchHandle } from '@zk-recipes/core';
import { callListener, type Member, nameOf } from '@zk-recipes/core/recipe-kit';
import type { LineRule } from './line-rules.js';

/**
 * Tells somebody in a line how many stand before, whenever that changes. One watch on the whole line tells who comes and who leaves, so
 * the line is read once, and again after a reconnect only.
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
   * @param tell may throw; that is a background error
   * @param first position of the second in the line; default 1: only the first has nobody to wait for
   */
  constructor(member: Member, rule: LineRule, tell: (position: number) => void, first = 1) {
    this.#member = member;
    this.#rule = rule;
    this.#tell = tell;
    this.#first = first;
  }

  /** @param names the line as it was found */
  start(names: readonly string[]): void {
    this.#see(names);
    const { keeper, directory } = this.#member;
    this.#watch = keeper
      .watch()
      .withMode('PERSISTENT_RECURSIVE')
      .forPath(directory, this.#onEvent)
      .catch((error: unknown) => {
        // A server before 3.6: the position is told once.
        if (!(error instanceof UnimplementedError)) this.#report(error);
        return null;
      });
    keeper.on('state', this.#onState);
    // What changed before the watch was there. Sent together with it, and executed after it.
    void this.#read();
  }

  /** Tells that nobody stands before any more, and yet there is something to wait for. */
  tellFirst(): void {
    this.#tellOnce(this.#first - 1);
  }

  /** Tells nothing any more, and leaves no watch. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    this.#keeper.off('state', this.#onState);
    this.#watch?.then((watch) => watch?.remove()).catch((error: unknown) => this.#report(error));
  }

  readonly #onState = (state: string): void => {
    // Of what happens while it is disconnected a lasting watch does not tell.
    if (state === 'RECONNECTED') void this.#read();
  };

  readonly #onEvent = ({ type, path }: WatchedEvent): void => {
    if (path === null) return;
    const name = nameOf(path);
    if (type === 'NodeDeleted') this.#ahead.delete(name);
    // Whoever comes stands behind, but for a writer that turns into a reader.
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

  /** Nobody ahead is nothing to tell here: the grant does. */
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
