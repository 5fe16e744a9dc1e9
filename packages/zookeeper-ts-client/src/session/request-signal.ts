/**
 * What a request uses of an `AbortSignal`. An `AbortSignal` is one; an object that costs less to make will do.
 */
export interface RequestSignal {
  readonly aborted: boolean;
  /** Why the signal aborted: what the request rejects with. */
  readonly reason: unknown;
  /**
   * Whether a request that the signal ends rejects with a `ConnectionLossError` instead, whose cause is the reason and whose `outcome` says
   * whether the request was sent. Looked at when the signal has aborted. Default false.
   */
  readonly endsAsLoss?: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}
