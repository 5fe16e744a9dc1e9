/** The part of an `AbortSignal` that a request uses. An `AbortSignal` fits; an object that costs less to create is enough. */
export interface RequestSignal {
  readonly aborted: boolean;
  /** Why the signal aborted: the request rejects with this reason. */
  readonly reason: unknown;
  /**
   * Whether a request that the signal ends rejects with a `ConnectionLossError` instead. The cause of that error is the reason, and its
   * `outcome` says whether the request was sent. The request reads this value after the signal has aborted. Default `false`.
   */
  readonly endsAsLoss?: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}
