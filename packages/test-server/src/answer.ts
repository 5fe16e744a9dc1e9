import type { Encoder } from 'zookeeper-ts-client/protocol';

/** What a request comes to: an error code, or a record. */
export interface Answer {
  /** 0 for success. */
  readonly error: number;
  /** Writes the record; `null` when there is none. */
  readonly codec: Encoder<never> | null;
  readonly record: unknown;
}

/** Success without a record. */
export const DONE: Answer = { error: 0, codec: null, record: null };

/** No reply at all; the connection goes on. */
export const SILENCE: Answer = { error: 0, codec: null, record: null };

/** No reply but the end of the connection. */
export const HANG_UP: Answer = { error: 0, codec: null, record: null };

/** A refusal. */
export function refusal(error: number): Answer {
  return { error, codec: null, record: null };
}

/** Success with a record. */
export function success<T>(codec: Encoder<T>, record: T): Answer {
  return { error: 0, codec: codec as Encoder<never>, record };
}
