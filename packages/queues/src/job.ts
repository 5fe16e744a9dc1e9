import type { ClaimedDelivery, SettlementVerb } from './delivery.js';
import type { Store } from './places.js';
import type { Outlook } from './queue-view.js';
import type { UnpackingOptions } from './unpacking.js';

/** What a consumer works on. */
export interface Job<T> extends Outlook, UnpackingOptions<T> {
  readonly deadLetters: Store;
  readonly maxAttempts: number;
}

/** For whom a shift works. */
export interface Employer<T> {
  /** Whether items are claimed before anybody asks for them. */
  readonly claimsAhead: boolean;
  /** How many more items are wanted than are on their way: as many as were asked for, or as may be claimed ahead of that. */
  wanted(underWay: number): { readonly asked: number; readonly most: number };
  deliver(delivery: ClaimedDelivery<T>): void;
  /** A delivery is about to be settled. */
  onSettling(verb: SettlementVerb): void;
  /** That has ended: it is settled, or lost, or as before. */
  onSettled(delivery: ClaimedDelivery<T>, verb: SettlementVerb): void;
  /** A delivery that nobody was about to settle is lost. @returns whether anybody had seen it */
  onLost(delivery: ClaimedDelivery<T>): boolean;
  /** Nothing will come any more. */
  fail(error: unknown): void;
}
