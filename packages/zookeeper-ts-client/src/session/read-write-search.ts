import type { ServerAddress } from '../ensemble/connect-string.js';
import type { HostProvider } from '../ensemble/host-provider.js';
import { probeReadWrite } from '../transport/isro-probe.js';
import type { OpenTransport, Transport } from '../transport/transport.js';
import type { Clock } from './clock.js';

const FIRST_INTERVAL_MS = 100;
const LAST_INTERVAL_MS = 60_000;
const ANSWER_MS = 1000;

/** While the session is on a read-only server: asks one server after the other, ever more slowly, for one that takes writes. */
export class ReadWriteSearch {
  readonly #open: OpenTransport;
  readonly #clock: Clock;
  readonly #provider: HostProvider;
  readonly #found: (server: ServerAddress) => void;
  #intervalMs = FIRST_INTERVAL_MS;
  #cancel: (() => void) | null = null;
  #probe: Transport | null = null;

  constructor(open: OpenTransport, clock: Clock, provider: HostProvider, found: (server: ServerAddress) => void) {
    this.#open = open;
    this.#clock = clock;
    this.#provider = provider;
    this.#found = found;
  }

  start(): void {
    this.stop();
    this.#intervalMs = FIRST_INTERVAL_MS;
    this.#schedule();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#probe?.destroy();
    this.#probe = null;
  }

  #schedule(): void {
    this.#cancel = this.#clock.schedule(this.#intervalMs, () => this.#ask());
    this.#intervalMs = Math.min(LAST_INTERVAL_MS, this.#intervalMs * 2);
  }

  #ask(): void {
    const { server } = this.#provider.next();
    this.#cancel = this.#clock.schedule(ANSWER_MS, () => {
      this.#probe?.destroy();
      this.#probe = null;
      this.#schedule();
    });
    this.#probe = probeReadWrite(this.#open, server, (readWrite) => {
      this.stop();
      if (readWrite) this.#found(server);
      else this.#schedule();
    });
  }
}
