import { type Channel, channel } from 'node:diagnostics_channel';
import { Listeners } from './listeners.js';

/** Name of the `node:diagnostics_channel` on which every `BackgroundError` of every `Keeper` of the process is published. */
export const BACKGROUND_ERROR_CHANNEL = 'zk-recipes:background-error';

/** Error of background work for which no caller waits. */
export interface BackgroundError {
  readonly error: unknown;
  /** Short description of the failed work, e.g. `guaranteed delete`. */
  readonly operation: string;
  /** Real path (namespace included) that the work concerned; `null` if it concerned no path. */
  readonly path: string | null;
}

/** Destination of errors for which no caller waits: listeners and a diagnostics channel. */
export class Diagnostics {
  readonly #channel: Channel = channel(BACKGROUND_ERROR_CHANNEL);
  readonly listeners: Listeners<BackgroundError> = new Listeners((error) =>
    // Only to the channel: a listener that throws would be called again and throw forever.
    this.#channel.publish({ error, operation: 'backgroundError listener', path: null } satisfies BackgroundError),
  );

  report(error: unknown, operation: string, path: string | null = null): void {
    const report: BackgroundError = Object.freeze({ error, operation, path });
    this.#channel.publish(report);
    this.listeners.tell(report);
  }
}
