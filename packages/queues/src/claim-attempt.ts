import {
  BadVersionError,
  KeeperError,
  type MultiError,
  NodeExistsError,
  NoNodeError,
  type Transaction,
} from '@zk-recipes/core';
import type { AttemptRecord } from './attempt-record.js';
import type { Item } from './backlog.js';

/** Why an item is not claimed: `contradicted` if it, or its record, is not as it was taken to be. */
export type Refusal = 'gone' | 'taken' | 'contradicted' | 'unseated';

/** One transaction by which an item is to be claimed. */
export interface ClaimAttempt {
  readonly item: Item;
  readonly transaction: Transaction;
  /** Which of its operations is the first that concerns the claim: the item is checked, the claim created, the record written. */
  readonly firstIndex: number;
  /** Which of them writes the record, and so tells when all of it was done; behind it the seat is left. */
  readonly recordIndex: number;
  /** What it writes. */
  readonly record: AttemptRecord;
  /** What was counted before. */
  readonly attemptsBefore: number;
}

/** The transaction, which also leaves a place in the line. @param seat `null` for none */
export function leaving(transaction: Transaction, seat: string | null): Transaction {
  return seat === null ? transaction : transaction.delete(seat);
}

/** Which of a claim's operations was refused: that of the item, of the claim, of the record, of the seat. */
export function whyNot(error: MultiError, { firstIndex, recordIndex }: ClaimAttempt): Refusal {
  const { cause, failedIndex } = error;
  const isMissing = cause instanceof NoNodeError;
  if (failedIndex === firstIndex && isMissing) return 'gone';
  if (failedIndex === firstIndex + 1 && cause instanceof NodeExistsError) return 'taken';
  if (failedIndex === recordIndex + 1 && isMissing) return 'unseated';
  const isOther = isMissing || cause instanceof NodeExistsError || cause instanceof BadVersionError;
  if (failedIndex !== firstIndex + 1 && isOther) return 'contradicted';
  throw cause instanceof KeeperError ? cause : error;
}
