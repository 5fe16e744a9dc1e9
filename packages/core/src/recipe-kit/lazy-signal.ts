/**
 * An `AbortSignal` that is made when somebody asks for it. Most holds come and go without, and to make a signal, and an error with its
 * stack, would take longer than all else about them.
 */
export class LazySignal {
  readonly #look: (() => void) | undefined;
  #controller: AbortController | null = null;
  #reason: (() => unknown) | null = null;

  /** @param look aborts it if it is time: called whenever `aborted` is asked, for a timer comes too late after a pause */
  constructor(look?: () => void) {
    this.#look = look;
  }

  /** The signal, always the same one. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#look !== undefined) truthful(this.#controller.signal, this.#look);
      if (this.#reason !== null) this.#controller.abort(this.#reason());
    }
    return this.#controller.signal;
  }

  /** Aborts it, the first time. @param reason makes the reason, if anybody wants to know */
  abort(reason: () => unknown): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#controller?.abort(reason());
  }
}

/** Makes `aborted` and `throwIfAborted` of a signal look at the clock first. */
function truthful(signal: AbortSignal, look: () => void): void {
  const proto = Object.getPrototypeOf(signal) as AbortSignal;
  const aborted = Object.getOwnPropertyDescriptor(proto, 'aborted')?.get;
  Object.defineProperties(signal, {
    aborted: {
      get: () => {
        look();
        return aborted?.call(signal);
      },
    },
    throwIfAborted: {
      value: () => {
        look();
        proto.throwIfAborted.call(signal);
      },
    },
  });
}
