import type { ClaimedDelivery, SettlementVerb } from './delivery.js';
import type { Store } from './places.js';
import type { Outlook } from './queue-view.js';
import type { UnpackingOptions } from './unpacking.js';

/** Configuration of a consumer. */
export interface Job<T> extends Outlook, UnpackingOptions<T> {
  readonly deadLetters: Store;
  readonly maxAttempts: number;
  /** Whether a refusal by the server ends the consumer: its caller receives the error, and may call again. */
  readonly endsOnRefusal: boolean;
}

/** Numbers of wanted items: `asked` by callers, and `most` including the items to claim ahead. */
export interface Wanted {
  readonly asked: number;
  readonly most: number;
}

/** Consumer, as its consumer session sees it. */
export interface Employer<T> {
  /** Smallest number of items of a ticket when no caller has asked for them. */
  readonly batch: number;
  /** Returns the number of wanted items beyond those under way. */
  wanted(underWay: number): Wanted;
  deliver(delivery: ClaimedDelivery<T>): void;
  /** Called when the settlement of a delivery begins. */
  onSettling(delivery: ClaimedDelivery<T>, verb: SettlementVerb): void;
  /** Called when the settlement has ended: the delivery is settled, lost, or unchanged. */
  onSettled(delivery: ClaimedDelivery<T>, verb: SettlementVerb): void;
  /** Called when a delivery has no owner any more and is settled in the background: it takes no slot. */
  onAbandoned(delivery: ClaimedDelivery<T>): void;
  /** Called when a delivery is lost that was not being settled. @returns whether a caller had seen it */
  onLost(delivery: ClaimedDelivery<T>): boolean;
  /** Ends the consumer with an error. */
  fail(error: unknown): void;
}
