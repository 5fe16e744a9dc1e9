import { ClosedError, type Keeper } from '@zk-recipes/core';
import { enrol, type Member, untilFirst } from '@zk-recipes/core/recipe-kit';

/** Name and data of a candidate's znodes. */
export interface CandidateZnode {
  /** Name without protection and number, e.g. `latch-`. */
  readonly marker: string;
  readonly data: Uint8Array | null;
}

/** Candidate in an election, the common part of latch and selector: takes a place in the line repeatedly, until it leaves. */
export class Candidate {
  readonly keeper: Keeper;
  readonly path: string;
  readonly marker: string;
  readonly #data: Uint8Array | null;
  /** Aborts the wait in the line. */
  readonly #leaving = new AbortController();
  /** Aborts all requests; used only without a connection, when the candidate cannot remove its znode first. */
  readonly #givingUp = new AbortController();
  /** Own place, from its creation until its removal. */
  #place: Member | null = null;

  constructor(keeper: Keeper, path: string, { marker, data }: CandidateZnode) {
    this.keeper = keeper;
    this.path = path;
    this.marker = marker;
    this.#data = data;
  }

  /** Aborts when the candidate leaves. */
  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  /**
   * Path of the znode that may remain after the candidate leaves: its place in the line, or the election's path if the place is not
   * known.
   */
  get placePath(): string {
    return this.#place?.path ?? this.path;
  }

  /** Takes a place in the line. A candidate that leaves meanwhile takes none. */
  async enrol(): Promise<Member> {
    this.#leaving.signal.throwIfAborted();
    const member = await enrol(this.keeper, this.path, {
      name: this.marker,
      data: this.#data,
      signal: this.#givingUp.signal,
    });
    this.#place = member;
    if (this.#leaving.signal.aborted) {
      await member.withdraw().catch(() => {});
      throw this.#leaving.signal.reason;
    }
    return member;
  }

  /** Waits until the place is first, then calls `lead`. Removes the znode afterwards, also if the candidate fails or leaves. */
  async stand(member: Member, lead: (member: Member) => Promise<void>): Promise<void> {
    try {
      await untilFirst(member, this.marker, { signal: this.#leaving.signal });
      // A candidate that left at the moment of its election must not lead.
      this.#leaving.signal.throwIfAborted();
      await lead(member);
    } finally {
      await this.#withdraw(member);
    }
  }

  /** Removes a place from the line. A refusal is reported by the background, which continues. */
  async #withdraw(member: Member): Promise<void> {
    // The caller that closes the candidate limits the wait and reports what remains.
    await (this.leaving.aborted ? member.remove() : member.withdraw()).catch(() => {});
    this.#place = null;
  }

  /**
   * Leaves the election. While there is a connection, the candidate waits for a create that is in progress, so that its znode is removed
   * before `close` resolves. Without a connection the background removes the znode, or the session's end does.
   */
  leave(): void {
    if (this.#leaving.signal.aborted) return;
    const reason = new ClosedError(`no candidate of ${this.path} any more`);
    this.#leaving.abort(reason);
    const look = (): void => {
      const state = this.keeper.connectionState;
      if (!this.keeper.closed && (state === 'CONNECTED' || state === 'RECONNECTED')) return;
      this.keeper.off('state', look);
      this.#givingUp.abort(reason);
    };
    this.keeper.on('state', look);
    this.#unwatch = () => this.keeper.off('state', look);
    look();
  }

  /** Ends the observation of the connection state. Called when no work of the candidate is in progress any more. */
  left(): void {
    this.#unwatch();
  }

  #unwatch = (): void => {};
}
