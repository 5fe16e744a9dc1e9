import { type Channel, channel } from 'node:diagnostics_channel';
import { Listeners } from './listeners.js';

/** Name of the `node:diagnostics_channel` on which every `BackgroundError` of every `Keeper` of the process is published. */
export const BACKGROUND_ERROR_CHANNEL = 'zk-recipes:background-error';

/** Something that went wrong where nobody was waiting for it. */
export interface BackgroundError {
  readonly error: unknown;
  /** What was being done, in a few words, e.g. `guaranteed delete`. */
  readonly operation: string;
  /** The real path (namespace included) that it was about; `null` when it was about none. */
  readonly path: string | null;
}

/** Where errors go that nobody waits for: to listeners and to a diagnostics channel, never nowhere. */
export class Diagnostics {
  readonly #channel: Channel = channel(BACKGROUND_ERROR_CHANNEL);
  readonly listeners: Listeners<BackgroundError> = new Listeners((error) =>
    // Not to the listeners again: the one that threw would throw for ever.
    this.#channel.publish({ error, operation: 'backgroundError listener', path: null } satisfies BackgroundError),
  );

  report(error: unknown, operation: string, path: string | null = null): void {
    const report: BackgroundError = Object.freeze({ error, operation, path });
    this.#channel.publish(report);
    this.listeners.tell(report);
  }
}
