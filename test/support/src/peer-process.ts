import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { reapLater } from './reaper.js';

/** One line of JSON between the tests and a peer. */
export type PeerMessage = Readonly<Record<string, unknown>>;

/**
 * A program in a process of its own that takes part in a test: it reads and writes one JSON object a line on its
 * standard streams, and can be paused and killed. Disposing of it kills it.
 */
export class PeerProcess implements AsyncDisposable {
  /** Resolves with the exit code when the program has ended; `null` when a signal ended it. */
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #forget: () => void;
  /** What it said and nobody has asked for yet. */
  #unread: PeerMessage[] = [];
  #readers: { readonly matches: (message: PeerMessage) => boolean; readonly take: (message: PeerMessage) => void }[] =
    [];
  readonly #listeners: ((message: PeerMessage) => void)[] = [];
  #complaints = '';

  /** @param child with pipes for its streams */
  protected constructor(child: ChildProcess) {
    this.#child = child;
    this.#forget = reapLater({ kind: 'process', id: child.pid as number });
    this.exited = once(child, 'close').then(([code]) => code as number | null);
    this.exited.then(this.#forget);
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#complaints = (this.#complaints + chunk.toString('utf8')).slice(-8_000);
    });
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#hear(line));
  }

  /** Runs a command. */
  static async run(command: string, args: readonly string[]): Promise<PeerProcess> {
    return new PeerProcess(await PeerProcess.spawned(command, args));
  }

  /** The process of a command, as the constructor wants it. */
  protected static async spawned(command: string, args: readonly string[]): Promise<ChildProcess> {
    const child = spawn(command, args, { stdio: 'pipe' });
    await once(child, 'spawn');
    return child;
  }

  /** Sends one message. */
  send(message: PeerMessage): void {
    this.#child.stdin?.write(`${JSON.stringify(message)}\n`);
  }

  /** The end of what it printed on its standard error. */
  get complaints(): string {
    return this.#complaints;
  }

  /**
   * Takes the first message, of those not taken yet, that has these properties, or waits for it. Messages that were
   * passed over stay for others.
   *
   * @param properties values that the message must have; `{}` takes any
   * @throws Error when the program ends before it says so, with what it printed on its standard error
   */
  async receive(properties: PeerMessage = {}): Promise<PeerMessage> {
    const matches = (message: PeerMessage) =>
      Object.entries(properties).every(([name, value]) => message[name] === value);
    const index = this.#unread.findIndex(matches);
    const [unread] = index < 0 ? [] : this.#unread.splice(index, 1);
    if (unread) return unread;
    const heard = new Promise<PeerMessage>((take) => this.#readers.push({ matches, take }));
    const ended = this.exited.then((code) => {
      throw new Error(`The peer ended (${code}) before it said ${JSON.stringify(properties)}\n${this.#complaints}`);
    });
    return await Promise.race([heard, ended]);
  }

  /** Has every message told, from now on, whoever else receives it. */
  onMessage(listener: (message: PeerMessage) => void): void {
    this.#listeners.push(listener);
  }

  /** Ends it at once (SIGKILL): its ZooKeeper session stays until it expires. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  /** Freezes it (SIGSTOP), as a long garbage collection does. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  /** Continues it (SIGCONT). */
  resume(): void {
    this.#child.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #hear(line: string): void {
    const message = JSON.parse(line) as PeerMessage;
    for (const listener of this.#listeners) listener(message);
    const index = this.#readers.findIndex(({ matches }) => matches(message));
    const [reader] = index < 0 ? [] : this.#readers.splice(index, 1);
    if (reader) reader.take(message);
    else this.#unread.push(message);
  }
}
