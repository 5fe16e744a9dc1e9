import type { Keeper } from '@zk-recipes/core';
import { epochValidForMs, systemClock } from '@zk-recipes/core/recipe-kit';
import { type AttemptRecord, leftAlone } from './attempt-record.js';
import { claimPath, itemPath } from './backlog.js';
import type { Claim } from './claims.js';
import type { Codec } from './codec.js';
import { decode } from './decoding.js';
import { ClaimedDelivery, type DeliveryDesk } from './delivery.js';
import { relinquish } from './giving-back.js';
import { unframeItems } from './item-framing.js';
import type { ItemNaming } from './item-name.js';
import { ClaimGone } from './settlement.js';
import { untilPermitted } from './until-permitted.js';

/** Configuration for making a delivery from a claim. */
export interface UnpackingOptions<T> {
  readonly keeper: Keeper;
  readonly codec: Codec<T>;
  /** Longest time in milliseconds for decoding a payload. */
  readonly decodeTimeoutMs: number;
  readonly naming: ItemNaming;
}

/** Signals while a claim is unpacked. */
export interface UnpackingSignals {
  /** Signal that aborts when nothing more is handed out. */
  readonly late: AbortSignal;
  /** Called when decoding the payload takes long. */
  readonly onSlow: () => void;
}

/** Result of unpacking: a delivery; the claim itself, to be released; `null` if nothing is left to do. */
export type Unpacked<T> = ClaimedDelivery<T> | { readonly returned: Claim } | null;

/**
 * Makes a delivery from a claim. An item becomes a dead letter if it was handed out too often, or its bytes cannot be read. If an item can
 * neither be handed out nor become a dead letter for now, it is deferred for a minute and reported as a background error.
 */
export async function unpack<T>(
  { keeper, codec, decodeTimeoutMs, naming }: UnpackingOptions<T>,
  desk: DeliveryDesk,
  claim: Claim,
  { late, onSlow }: UnpackingSignals,
): Promise<Unpacked<T>> {
  let own = claim;
  const leaveAlone = async (operation: string, error: unknown, change: Partial<AttemptRecord> = {}): Promise<null> => {
    keeper.reportBackgroundError(error, operation, itemPath(claim.item));
    const givingBack = (): Promise<void> =>
      relinquish(desk.settlement, own, { ...leftAlone(systemClock.wallNow()), ...change }).catch((failure: unknown) => {
        if (!(failure instanceof ClaimGone)) throw failure;
      });
    // The release ends by itself when the session of the claim may be over.
    const never = (): AbortSignal => new AbortController().signal;
    await untilPermitted(keeper, claimPath(claim.item), never, givingBack).catch(() => {});
    return null;
  };
  try {
    const payloads = readOrReason(() => unframeItems(claim.data));
    if (typeof payloads === 'string') {
      await desk.settlement.bury(claim, desk.deadLetters, `not framed as an item: ${payloads}`);
      return null;
    }
    const [first, ...others] = payloads;
    if (first === undefined) {
      await desk.settlement.remove(claim);
      return null;
    }
    if (others.length > 0) own = await desk.settlement.split(claim, [first, ...others]);
    const decoded = await decode(codec, first, { timeoutMs: decodeTimeoutMs, signal: late, onSlow });
    if (decoded.kind === 'unreadable') {
      await desk.settlement.bury(own, desk.deadLetters, `cannot be decoded: ${decoded.reason}`);
      return null;
    }
    if (decoded.kind === 'undecided' && decoded.why === 'given up') return { returned: own };
    if (own.isExhausted) {
      const { attempts, reason } = own.record;
      const last = reason === null ? '' : `: ${reason}`;
      await desk.settlement.bury(own, desk.deadLetters, `gave up after ${attempts} attempts${last}`);
      return null;
    }
    if (decoded.kind === 'decoded') {
      return new ClaimedDelivery(desk, own, naming.labelOf(claim.item.name), decoded.value);
    }
    const reason = `expected \`decode\` to settle within ${decodeTimeoutMs} ms`;
    return await leaveAlone('decoding an item', new Error(reason), { reason });
  } catch (error) {
    if (keeper.closed) return null;
    // The session may be over, or may live on after a jump of the wall clock: then its claim has to be released.
    if (error instanceof ClaimGone || epochValidForMs(keeper, claim.epoch) <= 0) return { returned: own };
    return await leaveAlone('putting an item aside', error);
  }
}

function readOrReason(read: () => Buffer[]): Buffer[] | string {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}
