/**
 * `AbortSignal` that is created on first use. Most holds never need one, and a signal and an error with its stack would cost more time
 * than the rest of the hold.
 */
export class LazySignal {
  readonly #look: (() => void) | undefined;
  #controller: AbortController | null = null;
  #reason: (() => unknown) | null = null;

  /** @param look aborts the signal if it is time; called at each read of `aborted`, because a timer fires too late after a pause */
  constructor(look?: () => void) {
    this.#look = look;
  }

  /** Signal; always the same object. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#look !== undefined) truthful(this.#controller.signal, this.#look);
      if (this.#reason !== null) this.#controller.abort(this.#reason());
    }
    return this.#controller.signal;
  }

  /**
   * Aborts the signal; only the first call has an effect.
   *
   * @param reason creates the reason when it is needed
   */
  abort(reason: () => unknown): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#controller?.abort(reason());
  }
}

/** Makes `aborted` and `throwIfAborted` of a signal call `look` first. */
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
