import { ConnectionLossError, type Keeper } from '@zk-recipes/core';
import { systemClock } from '@zk-recipes/core/recipe-kit';
import { claimPath, itemPath } from './backlog.js';
import type { Claim } from './claims.js';
import type { Codec } from './codec.js';
import { ClaimedDelivery, type DeliveryDesk } from './delivery.js';
import { unframeItems } from './item-framing.js';
import type { ItemNaming } from './item-name.js';
import { ClaimGone } from './settlement.js';
import { untilPermitted } from './until-permitted.js';

/** How long an item that can be neither handed out nor put aside is left alone. */
const AVOIDED_MS = 60_000;

/** What is needed to make a delivery of a claim. */
export interface UnpackingOptions<T> {
  readonly keeper: Keeper;
  readonly codec: Codec<T>;
  readonly naming: ItemNaming;
}

/**
 * Makes a delivery of what was claimed. What cannot be handed out becomes a dead letter: an item that was handed out too often, or whose bytes
 * nobody can read.
 *
 * @returns `null` if there is nothing to be handed out
 */
export async function unpack<T>(
  { keeper, codec, naming }: UnpackingOptions<T>,
  desk: DeliveryDesk,
  claim: Claim,
): Promise<ClaimedDelivery<T> | null> {
  const path = itemPath(claim.item);
  let own = claim;
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
    const value = await decode(codec, first);
    if ('reason' in value) {
      await desk.settlement.bury(own, desk.deadLetters, `cannot be decoded: ${value.reason}`);
      return null;
    }
    if (own.isExhausted) {
      const { attempts, reason } = own.record;
      const last = reason === null ? '' : `: ${reason}`;
      await desk.settlement.bury(own, desk.deadLetters, `gave up after ${attempts} attempts${last}`);
      return null;
    }
    return new ClaimedDelivery(desk, own, naming.labelOf(claim.item.name), value.decoded);
  } catch (error) {
    // With the session the claim is gone, and whoever has the next one does the same.
    if (error instanceof ClaimGone || error instanceof ConnectionLossError || keeper.closed) return null;
    keeper.reportBackgroundError(error, 'putting an item aside', path);
    const avoided = { notBeforeMs: systemClock.wallNow() + AVOIDED_MS, delayMs: AVOIDED_MS };
    const givingBack = (): Promise<void> =>
      desk.settlement.giveBack(own, avoided).catch((failure: unknown) => {
        if (!(failure instanceof ClaimGone)) throw failure;
      });
    // It ends by itself when the session of the claim may be over.
    const never = (): AbortSignal => new AbortController().signal;
    await untilPermitted(keeper, claimPath(claim.item), never, givingBack).catch(() => {});
    return null;
  }
}

async function decode<T>(
  codec: Codec<T>,
  payload: Uint8Array,
): Promise<{ readonly decoded: T } | { readonly reason: string }> {
  try {
    return { decoded: await codec.decode(payload) };
  } catch (error) {
    return { reason: messageOf(error) };
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
