import { getEventListeners } from 'node:events';
import { ConnectionLossError, type Hold, HoldLostError, type Keeper } from '@zk-recipes/core';
import type { LockHold, WriteHold } from '@zk-recipes/locks';
import type { Recorder } from './recorder.js';
import { type Manner, recipeFor, type Want } from './wants.js';

const FOR_A_WHILE_MS = 20;

/** One pursuit of something, from the call on until it has been let go of. */
interface Pursuit {
  readonly want: Want;
  readonly manner: Manner;
  readonly permits: number;
  readonly asked: number;
  readonly caller: AbortController;
  /** Resolves when it is to be let go of. */
  readonly leaving: Promise<void>;
  readonly leave: () => void;
  phase: 'waiting' | 'holding' | 'leaving';
  hold: Hold | null;
  /** Says that it is not believed in any more. */
  forget: () => void;
}

/** Somebody who wants one thing at a time. */
export class Contender {
  readonly name: string;
  readonly keeper: Keeper;
  readonly #recorder: Recorder;
  readonly #onOffence: (offence: string) => void;
  readonly #signals: AbortSignal[] = [];
  #pursuit: Pursuit | null = null;

  constructor(name: string, keeper: Keeper, recorder: Recorder, onOffence: (offence: string) => void) {
    this.name = name;
    this.keeper = keeper;
    this.#recorder = recorder;
    this.#onOffence = onOffence;
  }

  /** What it is about; `null` when it wants nothing. */
  get phase(): Pursuit['phase'] | null {
    return this.#pursuit?.phase ?? null;
  }

  /** Whether it holds the read/write lock for writing, and that alone. */
  get writes(): boolean {
    const pursuit = this.#pursuit;
    return pursuit?.phase === 'holding' && pursuit.hold !== null && 'downgrade' in pursuit.hold;
  }

  /** Listeners on the signals that it has given, for all that it has asked for. */
  get listenerCount(): number {
    return this.#signals.reduce((sum, signal) => sum + getEventListeners(signal, 'abort').length, 0);
  }

  /** Asks for something, if it has nothing and wants nothing yet. */
  begin(want: Want, manner: Manner): void {
    if (this.#pursuit !== null) return;
    let leave = (): void => {};
    const leaving = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const permits = 'permits' in want ? want.permits : 1;
    const pursuit: Pursuit = {
      ...{ want, manner, permits, leaving, leave },
      ...{
        asked: this.#recorder.tick(),
        caller: new AbortController(),
        phase: 'waiting',
        hold: null,
        forget: () => {},
      },
    };
    this.#pursuit = pursuit;
    this.#signals.push(pursuit.caller.signal);
    void this.#pursue(pursuit)
      .catch((error: unknown) => {
        if (!isToBeExpected(error, pursuit))
          this.#offend(`${pursuit.manner.how} of ${JSON.stringify(want)} rejected: ${String(error)}`);
      })
      .then(() => {
        this.#pursuit = null;
      });
  }

  /** Lets go, if it has something. */
  release(): void {
    const pursuit = this.#pursuit;
    if (pursuit?.phase !== 'holding') return;
    pursuit.phase = 'leaving';
    pursuit.forget();
    pursuit.leave();
  }

  /** Gives up, if it waits. */
  abort(): void {
    if (this.#pursuit?.phase === 'waiting') this.#pursuit.caller.abort(new Error('given up'));
  }

  /** Becomes a reader, if it is a writer. */
  async downgrade(): Promise<void> {
    const pursuit = this.#pursuit;
    if (pursuit === null || !this.writes) return;
    const writer = pursuit.hold as WriteHold;
    pursuit.phase = 'leaving';
    // Whoever calls this has stopped writing.
    pursuit.forget();
    try {
      pursuit.hold = await writer.downgrade();
      this.#believe(pursuit, { kind: 'read' }, pursuit.hold);
    } catch (error) {
      if (!isLossOf(error)) this.#offend(`downgrade rejected: ${String(error)}`);
      // It is not known whether it may write, so it does not.
      await writer.release();
    }
    pursuit.phase = 'holding';
  }

  async #pursue(pursuit: Pursuit): Promise<void> {
    const { want, manner, permits, caller } = pursuit;
    const { recipe, options } = recipeFor(this.keeper, want, manner);
    const all = { ...options, signal: caller.signal };
    switch (manner.how) {
      case 'run':
        return await recipe.run((hold) => this.#hold(pursuit, hold), all);
      case 'acquire':
        return await this.#hold(pursuit, await recipe.acquire(all));
      default: {
        const hold = await recipe.tryAcquire({ ...all, timeoutMs: manner.how === 'tryAcquire' ? 0 : FOR_A_WHILE_MS });
        if (hold === null) this.#recorder.refused(this.name, want, permits, pursuit.asked);
        else await this.#hold(pursuit, hold);
      }
    }
  }

  async #hold(pursuit: Pursuit, hold: Hold): Promise<void> {
    pursuit.phase = 'holding';
    pursuit.hold = hold;
    this.#believe(pursuit, pursuit.want, hold);
    if (pursuit.manner.isRevocable && 'revoked' in hold) this.#heed(hold as LockHold);
    await pursuit.leaving;
    await Promise.all([pursuit.hold.release(), hold.release()]);
    if (hold.state === 'held') this.#offend('still held after its release');
  }

  #believe(pursuit: Pursuit, want: Want, hold: Hold): void {
    pursuit.forget = this.#recorder.granted(this.name, want, pursuit.permits, hold, pursuit.asked);
  }

  #heed({ revoked }: LockHold): void {
    if (revoked.aborted) this.release();
    else revoked.addEventListener('abort', () => this.release(), { once: true });
  }

  #offend(what: string): void {
    this.#onOffence(`${this.name}: ${what}`);
  }
}

function isToBeExpected(error: unknown, { caller, manner, hold }: Pursuit): boolean {
  if (caller.signal.aborted && error === caller.signal.reason) return true;
  // Nobody answered in time.
  if (manner.how.startsWith('try') && error instanceof ConnectionLossError) return true;
  return manner.how === 'run' && hold !== null && error instanceof HoldLostError;
}

/** Whether an error says that something is not held any more. */
function isLossOf(error: unknown): boolean {
  const { name = '', failedIndex } = error as { name?: string; failedIndex?: number };
  return (
    ['NotHeldError', 'HoldLostError', 'SessionExpiredError'].includes(name) ||
    (name === 'MultiError' && failedIndex === 0)
  );
}
