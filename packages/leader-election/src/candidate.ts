import { ClosedError, type Keeper } from '@zk-recipes/core';
import { enrol, type Member, untilFirst } from '@zk-recipes/core/recipe-kit';

/** How a candidate's znodes are named and what they hold. */
export interface CandidateZnode {
  /** Name without protection and number, e.g. `latch-`. */
  readonly marker: string;
  readonly data: Uint8Array | null;
}

/** What latch and selector have in common: standing for election, again and again, until one leaves. */
export class Candidate {
  readonly keeper: Keeper;
  readonly path: string;
  readonly marker: string;
  readonly #data: Uint8Array | null;
  /** Aborts waiting in line. */
  readonly #leaving = new AbortController();
  /** Aborts everything: only when there is no connection over which to leave in good order. */
  readonly #givingUp = new AbortController();
  /** The own place, from its creation until it is gone. */
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

  /** What a candidate that leaves may leave behind: its place in the line, or, if that is not known, one in the election. */
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

  /** Waits until the member is first, has it lead, and takes its znode away when it has led, has failed, or leaves. */
  async stand(member: Member, lead: (member: Member) => Promise<void>): Promise<void> {
    try {
      await untilFirst(member, this.marker, { signal: this.#leaving.signal });
      // One that left at the moment of its election does not lead any more.
      this.#leaving.signal.throwIfAborted();
      await lead(member);
    } finally {
      await this.#withdraw(member);
    }
  }

  /** Takes a place out of the line. Of a refusal the background tells, and goes on. */
  async #withdraw(member: Member): Promise<void> {
    // Whoever closes the candidate bounds the waiting, and tells what is left.
    await (this.leaving.aborted ? member.remove() : member.withdraw()).catch(() => {});
    this.#place = null;
  }

  /**
   * Leaves the election. A create that is under way is waited for, so that its znode goes before `close` resolves; but only while
   * there is a connection: without one it is cleaned up in the background, or goes with the session.
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

  /** To be called when nothing of the candidate is under way any more. */
  left(): void {
    this.#unwatch();
  }

  #unwatch = (): void => {};
}
