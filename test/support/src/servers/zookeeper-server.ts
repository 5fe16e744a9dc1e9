import { until } from '../until.js';
import { fourLetterWord, type ServerMode, type ServerStatus, serverStatus } from './four-letter-word.js';
import type { ServerHost } from './server-host.js';

/** A ZooKeeper server of the tests' own: standalone, or a member of an ensemble. Disposing of it removes it. */
export class ZooKeeperServer implements AsyncDisposable {
  /** `host:port` for clients; the same over restarts. */
  readonly connectString: string;
  readonly port: number;
  readonly #host: ServerHost;
  readonly #isMember: boolean;
  readonly #remove: () => Promise<void>;
  #state: 'down' | 'running' | 'paused' = 'down';

  /**
   * @param isMember a member of an ensemble counts as started when it answers, though it may find no quorum yet
   * @param remove what remains to be done after its process has ended
   */
  constructor(host: ServerHost, isMember: boolean, remove: () => Promise<void>) {
    this.port = host.address.port;
    this.connectString = `${host.address.host}:${this.port}`;
    this.#host = host;
    this.#isMember = isMember;
    this.#remove = remove;
  }

  /** What this module's caller did to it last; a server that ended by itself still counts as running. */
  get state(): 'down' | 'running' | 'paused' {
    return this.#state;
  }

  /** Starts the server; resolves when it serves clients, or, as a member of an ensemble, when it answers `srvr`. */
  async start(): Promise<void> {
    await this.#host.start();
    this.#state = 'running';
    await this.#untilIt('starts', async () => {
      const status = await serverStatus(this.connectString);
      return this.#isMember ? (status ?? 'looking') : status;
    });
  }

  /** Ends the server in order (SIGTERM). Its data stays. */
  async stop(): Promise<void> {
    this.#state = 'down';
    await this.#host.stop();
  }

  /** Ends the server at once (SIGKILL). Its data stays. */
  async kill(): Promise<void> {
    this.#state = 'down';
    await this.#host.kill();
  }

  /** Ends the server at once and removes its data. */
  async wipe(): Promise<void> {
    await this.kill();
    await this.#host.wipe();
  }

  /** Freezes the server (SIGSTOP): connections stay open and the system still accepts new ones, but nothing answers. */
  async pause(): Promise<void> {
    this.#state = 'paused';
    await this.#host.pause();
  }

  /** Continues a paused server (SIGCONT). */
  async resume(): Promise<void> {
    await this.#host.resume();
    this.#state = 'running';
  }

  /** Stops the server, if it is up, and starts it again with its data on the same port. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Asks by a four-letter word, such as `srvr`, `mntr` or `cons`. */
  command(word: string): Promise<string> {
    return fourLetterWord(this.connectString, word);
  }

  /** Its role and its last transaction now; `undefined` while it serves nobody or does not answer. */
  status(): Promise<ServerStatus | undefined> {
    return serverStatus(this.connectString).catch(() => undefined);
  }

  /** Its role now; `undefined` while it serves nobody or does not answer. */
  async mode(): Promise<ServerMode | undefined> {
    return (await this.status())?.mode;
  }

  /** Resolves with its role when it serves clients. */
  untilServing(): Promise<ServerMode> {
    return this.#untilIt('serves', async () => (await serverStatus(this.connectString))?.mode);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = 'down';
    await this.#host[Symbol.asyncDispose]();
    await this.#remove();
  }

  /** Waits for an answer of the server, but not for one that has ended by itself. */
  async #untilIt<T>(does: string, look: () => Promise<T | undefined>): Promise<T> {
    const answer = await until<T | Error>(
      async () => ((await this.#host.isRunning()) ? await look() : new Error('it ended by itself')),
      { what: `the ZooKeeper server at ${this.connectString} (that it ${does})` },
    ).catch((error: Error) => error);
    if (!(answer instanceof Error)) return answer;
    throw new Error(`${answer.message}\n${await this.#host.output()}`, { cause: answer.cause });
  }
}
