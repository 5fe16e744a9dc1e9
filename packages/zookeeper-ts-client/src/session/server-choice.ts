import type { ServerAddress } from '../ensemble/connect-string.js';
import type { HostProvider } from '../ensemble/host-provider.js';
import { type ReconnectDelays, reconnectDelayMs } from './reconnect-policy.js';

/** Which server a session tries next, and when. */
export class ServerChoice {
  readonly #provider: HostProvider;
  readonly #delays: ReconnectDelays;
  readonly #random: () => number;
  /** How many times all servers have been tried since one has proved useful. */
  #round = 0;
  #preferred: ServerAddress | null = null;
  /** It has accepted the session, and whether that is of any use has yet to be seen. */
  #onTrial: ServerAddress | null = null;

  constructor(provider: HostProvider, delays: ReconnectDelays, random: () => number) {
    this.#provider = provider;
    this.#delays = delays;
    this.#random = random;
  }

  /** The next server is to be this one. */
  prefer(server: ServerAddress): void {
    this.#preferred = server;
  }

  next(): { readonly server: ServerAddress; readonly delayMs: number } {
    this.#onTrial = null;
    const preferred = this.#preferred;
    this.#preferred = null;
    if (preferred !== null) return { server: preferred, delayMs: 0 };
    const { server, wentRound } = this.#provider.next();
    if (wentRound) this.#round++;
    return { server, delayMs: reconnectDelayMs(this.#delays, wentRound ? this.#round : 0, this.#random) };
  }

  /** A server has accepted the session. Some do, and close at once: it counts as tried until it has proved useful. */
  accepted(server: ServerAddress): void {
    this.#onTrial = server;
  }

  /** It has done what it was asked, or has stayed for a while. */
  proved(): void {
    if (this.#onTrial === null) return;
    this.#round = 0;
    this.#provider.connected(this.#onTrial);
    this.#onTrial = null;
  }
}
