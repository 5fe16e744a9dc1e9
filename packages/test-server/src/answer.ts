import type { Encoder } from 'zookeeper-ts-client/protocol';

/** Answer to a request: an error code, or a record. */
export interface Answer {
  /** Error code; 0 for success. */
  readonly error: number;
  /** Encoder of the record; `null` when there is none. */
  readonly codec: Encoder<never> | null;
  readonly record: unknown;
}

/** Success without a record. */
export const DONE: Answer = { error: 0, codec: null, record: null };

/** No reply; the connection stays open. */
export const SILENCE: Answer = { error: 0, codec: null, record: null };

/** No reply; the server closes the connection. */
export const HANG_UP: Answer = { error: 0, codec: null, record: null };

/** Creates an answer with an error code. */
export function refusal(error: number): Answer {
  return { error, codec: null, record: null };
}

/** Creates an answer with a record. */
export function success<T>(codec: Encoder<T>, record: T): Answer {
  return { error: 0, codec: codec as Encoder<never>, record };
}
