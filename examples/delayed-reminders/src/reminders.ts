import { BadVersionError, type Keeper, NodeExistsError, NoNodeError } from '@zk-recipes/core';
import { DelayQueue, type Delivery, jsonCodec } from '@zk-recipes/queues';
import { z } from 'zod';

/** Something that somebody is to be reminded of. */
export interface Reminder {
  /** By which it can be cancelled, and by which whoever receives it can tell that it comes a second time. */
  readonly id: string;
  readonly to: string;
  readonly text: string;
}

/** What has become of a reminder: its record's data, which says behind `sending` by which item of the queue. */
type ReminderState = 'scheduled' | 'cancelled' | 'sending' | 'sent';

/** Sends a reminder; may be called again for one that was sent, with the same id, if it could not be recorded. */
export type Send = (reminder: Reminder, signal: AbortSignal) => Promise<void>;

const schema: z.ZodType<Reminder> = z.object({
  id: z.string().regex(/^[\w-]+$/, 'expected letters, digits, _ and -'),
  to: z.string().min(1),
  text: z.string(),
});
const stateSchema: z.ZodType<ReminderState> = z.enum(['scheduled', 'cancelled', 'sending', 'sent']);

interface Found {
  readonly state: ReminderState;
  /** Path of the item that it is sent by. */
  readonly by: string | null;
  readonly version: number;
}

/**
 * Reminders that are sent when they are due. When says the queue, whether says a record beside it: it is written before anything happens,
 * each time in the version that was read, so that no reminder is both cancelled and sent.
 */
export class Reminders {
  readonly queue: DelayQueue<Reminder>;
  readonly #keeper: Keeper;

  constructor(keeper: Keeper) {
    this.#keeper = keeper;
    this.queue = new DelayQueue(keeper, '/reminders/due', { codec: jsonCodec(schema), maxAttempts: 10 });
  }

  /** Schedules a reminder. To do so again, since the first time failed or its outcome is unknown, has it sent once all the same. */
  async schedule(reminder: Reminder, at: Date): Promise<void> {
    const checked = schema.parse(reminder);
    try {
      await this.#keeper.create().creatingParents().idempotent().forPath(recordPath(checked.id), 'scheduled');
    } catch (error) {
      // It is of an earlier time, and whatever has become of it since stands.
      if (!(error instanceof NodeExistsError)) throw error;
    }
    await this.queue.put(checked, { at });
  }

  /** Cancels a reminder. @returns whether it will certainly not be sent; `false` if it was, or is about to be, or never was scheduled */
  async cancel(id: string): Promise<boolean> {
    for (;;) {
      const found = await this.state(id);
      if (found === null || found.state !== 'scheduled') return found?.state === 'cancelled';
      try {
        const set = this.#keeper.setData().idempotent().withVersion(found.version);
        await set.forPath(recordPath(id), 'cancelled');
        return true;
      } catch (error) {
        // It was sent, or cancelled by somebody else, in between.
        if (!(error instanceof BadVersionError)) throw error;
      }
    }
  }

  /** What has become of a reminder; `null` if there is none of that id. */
  async state(id: string): Promise<Found | null> {
    try {
      const { data, stat } = await this.#keeper.getData().withStat().forPath(recordPath(id));
      const [state, by = null] = `${data}`.split(' ');
      return { state: stateSchema.parse(state), by, version: stat.version };
    } catch (error) {
      if (error instanceof NoNodeError) return null;
      throw error;
    }
  }

  /**
   * Sends a reminder that is due, unless its record says otherwise. Both changes of the record are made by the delivery's guard: a process
   * that was paused until another one has the item cannot make them any more.
   *
   * @returns what was done
   * @throws what `send` throws, and what ZooKeeper does: then it is to be tried again
   */
  async deliver(delivery: Delivery<Reminder>, send: Send): Promise<'sent' | 'was cancelled' | 'was sent'> {
    const { value, signal } = delivery;
    const path = recordPath(value.id);
    const found = await this.state(value.id);
    if (found === null) throw new Error(`the record of ${value.id} is missing`);
    if (found.state === 'cancelled') return 'was cancelled';
    if (found.state === 'sent') return 'was sent';
    // What its own item left so was begun by a process that has died, and is begun again.
    const isElsewhere = found.state === 'sending' && found.by !== delivery.path;
    if (isElsewhere) throw new Error(`${value.id} was scheduled twice, and is being sent`);
    const sending = `sending ${delivery.path}`;
    await delivery.guard().setData(path, sending, { version: found.version }).commit();
    await send(value, signal);
    await delivery
      .guard()
      .setData(path, 'sent', { version: found.version + 1 })
      .commit();
    return 'sent';
  }
}

function recordPath(id: string): string {
  return `/reminders/records/${id}`;
}
