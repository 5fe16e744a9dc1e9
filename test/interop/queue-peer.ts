import { JavaPeer, type PeerMessage, type PeerProcess } from '@zk-recipes/test-support';

/** A queue of Curator's. */
export interface ForeignQueueOptions {
  readonly kind: 'plain' | 'priority' | 'delay' | 'id' | 'sharded' | 'simple';
  readonly path: string;
  readonly lockPath?: string;
  /** How it consumes; without one it only puts. `hang`: for ever, at the first item. `throw`: at each value, once, and then it hangs. */
  readonly manner?: 'work' | 'hang' | 'throw';
}

/** A process with Curator that uses queues as it is told. */
export class QueuePeer {
  readonly #process: PeerProcess;
  #requests = 0;
  #queues = 0;

  private constructor(process: PeerProcess) {
    this.#process = process;
  }

  static async start(server: string, sessionTimeoutMs: number): Promise<QueuePeer> {
    const source = new URL('java/QueuePeer.java', import.meta.url);
    const process = await JavaPeer.start(source, [server, String(sessionTimeoutMs)]);
    await process.receive({ event: 'ready' });
    return new QueuePeer(process);
  }

  async open(options: ForeignQueueOptions): Promise<ForeignQueue> {
    const queue = `queue ${++this.#queues}`;
    const ask = (request: PeerMessage): Promise<unknown> => this.#ask({ queue, ...request });
    const consumed: string[] = [];
    this.#process.onMessage((message) => {
      if (message['event'] === 'consumed' && message['queue'] === queue) consumed.push(message['value'] as string);
    });
    await ask({ do: 'open', ...options });
    return new ForeignQueue(ask, consumed);
  }

  /** Ends it at once: its session stays until it expires. */
  async kill(): Promise<void> {
    await this.#process.kill();
  }

  async #ask(request: PeerMessage): Promise<unknown> {
    const id = ++this.#requests;
    this.#process.send({ ...request, id });
    const { value, error } = await this.#process.receive({ id });
    if (error !== undefined) throw new Error(`The peer says: ${error}`);
    return value;
  }
}

/** A queue in a process with Curator. */
export class ForeignQueue {
  /** What it was handed so far. */
  readonly consumed: readonly string[];
  readonly #ask: (request: PeerMessage) => Promise<unknown>;

  constructor(ask: (request: PeerMessage) => Promise<unknown>, consumed: readonly string[]) {
    this.#ask = ask;
    this.consumed = consumed;
  }

  /** Puts values into one znode. @param key priority, due time or id, where the queue wants one */
  async put(values: readonly string[], key?: number | string): Promise<void> {
    await this.#ask({ do: 'put', values, ...(key === undefined ? {} : { key }) });
  }

  /** Of a simple queue: puts a value at its end. */
  async offer(value: string): Promise<void> {
    await this.#ask({ do: 'offer', value });
  }

  /** Of a simple queue: looks at its first value, `null` if there is none. */
  async peek(): Promise<string | null> {
    return (await this.#ask({ do: 'peek' })) as string | null;
  }

  /** Of a simple queue: takes its first value, `null` if there is none for so long. */
  async poll(waitMs = 0): Promise<string | null> {
    return (await this.#ask({ do: 'poll', waitMs })) as string | null;
  }

  /** Removes what has an id. */
  async remove(key: string): Promise<number> {
    return (await this.#ask({ do: 'remove', key })) as number;
  }

  async close(): Promise<void> {
    await this.#ask({ do: 'close' });
  }
}
