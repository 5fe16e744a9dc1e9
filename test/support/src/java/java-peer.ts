import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { reapLater } from '../reaper.js';
import { findJavaTools } from './java-tools.js';

/** One line of JSON between the tests and a peer. */
export type PeerMessage = Readonly<Record<string, unknown>>;

/**
 * A Java program in a process of its own, to test against what services in Java do: one source file, which has Apache
 * Curator and Jackson on its class path, and reads and writes one JSON object a line on its standard streams.
 */
export class JavaPeer implements AsyncDisposable {
  /** Resolves with the exit code when the program has ended; `null` when a signal ended it. */
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #forget: () => void;
  /** What it said and nobody has asked for yet. */
  #unread: PeerMessage[] = [];
  #readers: { readonly matches: (message: PeerMessage) => boolean; readonly take: (message: PeerMessage) => void }[] =
    [];
  #complaints = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#forget = reapLater({ kind: 'process', id: child.pid as number });
    this.exited = once(child, 'close').then(([code]) => code as number | null);
    this.exited.then(this.#forget);
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#complaints = (this.#complaints + chunk.toString('utf8')).slice(-8_000);
    });
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#hear(line));
  }

  /**
   * Starts a program; it is compiled first, which takes a second or two.
   *
   * @param source its file, `new URL('../LatchPeer.java', import.meta.url)`
   * @param args of its `main`
   * @throws Error when there is no JDK or no Curator, with the reason
   */
  static async start(source: URL, args: readonly string[] = []): Promise<JavaPeer> {
    const tools = await findJavaTools();
    if (typeof tools === 'string') throw new Error(`No Java peer can run: ${tools}`);
    const flags = ['-Xmx192m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', tools.classPath];
    const child = spawn(tools.java, [...flags, fileURLToPath(source), ...args], { stdio: 'pipe' });
    await once(child, 'spawn');
    return new JavaPeer(child);
  }

  /** Sends one message. */
  send(message: PeerMessage): void {
    this.#child.stdin?.write(`${JSON.stringify(message)}\n`);
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
      throw new Error(
        `The Java peer ended (${code}) before it said ${JSON.stringify(properties)}\n${this.#complaints}`,
      );
    });
    return await Promise.race([heard, ended]);
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
    const index = this.#readers.findIndex(({ matches }) => matches(message));
    const [reader] = index < 0 ? [] : this.#readers.splice(index, 1);
    if (reader) reader.take(message);
    else this.#unread.push(message);
  }
}
