import type { ClaimedDelivery, SettlementVerb } from './delivery.js';
import type { Store } from './places.js';
import type { Outlook } from './queue-view.js';
import type { UnpackingOptions } from './unpacking.js';

/** What a consumer works on. */
export interface Job<T> extends Outlook, UnpackingOptions<T> {
  readonly deadLetters: Store;
  readonly maxAttempts: number;
  /** Whether a refusal of the server ends the consumer: its caller hears of it, and may call again. */
  readonly endsOnRefusal: boolean;
}

/** How many items are wanted: those that were asked for; and with those that may be claimed ahead of that. */
export interface Wanted {
  readonly asked: number;
  readonly most: number;
}

/** For whom a shift works. */
export interface Employer<T> {
  /** How many items it stands in line for, at least, where nobody has asked for them. */
  readonly batch: number;
  /** How many more items are wanted than are on their way. */
  wanted(underWay: number): Wanted;
  deliver(delivery: ClaimedDelivery<T>): void;
  /** A delivery is about to be settled. */
  onSettling(delivery: ClaimedDelivery<T>, verb: SettlementVerb): void;
  /** That has ended: it is settled, or lost, or as before. */
  onSettled(delivery: ClaimedDelivery<T>, verb: SettlementVerb): void;
  /** A delivery has no owner any more, and the background goes on to settle it: it takes no slot. */
  onAbandoned(delivery: ClaimedDelivery<T>): void;
  /** A delivery that nobody was about to settle is lost. @returns whether anybody had seen it */
  onLost(delivery: ClaimedDelivery<T>): boolean;
  /** Nothing will come any more. */
  fail(error: unknown): void;
}
