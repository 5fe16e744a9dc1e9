import { GenericContainer, type StartedNetwork, type StartedTestContainer, StartupCheckStrategy } from 'testcontainers';
import { reapLater } from '../reaper.js';
import type { DockerZooKeeper } from './docker-engine.js';
import { dockerClient } from './docker-engine.js';
import type { ServerHost } from './server-host.js';
import { javaFlags, type PeerAddress, type ServerOptions, zooCfg } from './server-options.js';

type ContainerRuntime = NonNullable<Awaited<ReturnType<typeof dockerClient>>>;
type DockerContainer = ReturnType<ContainerRuntime['container']['getById']>;

/** What one server container needs to know. */
export interface ServerContainerPlace {
  /** The port of this machine that leads to the server's; it stays the same over restarts. */
  readonly port: number;
  /** Its own number among the peers; 0 for a standalone server. */
  readonly id: number;
  readonly peers: readonly PeerAddress[];
  /** The network on which the peers know each other by name. */
  readonly network?: StartedNetwork;
}

const clientPort = 2181;

/** A server in a Docker container, of an image that follows the conventions of the official one. */
export class ServerContainer implements ServerHost {
  readonly #description: GenericContainer;
  readonly #port: number;
  #started: StartedTestContainer | undefined;
  #container: DockerContainer | undefined;
  #forget: (() => void) | undefined;

  /** Describes the container; it is created at the first start. */
  constructor(zookeeper: DockerZooKeeper, place: ServerContainerPlace, options: ServerOptions) {
    const { port, id, peers, network } = place;
    const config = zooCfg({ clientPort, dataDir: '/data', peers }, options);
    this.#port = port;
    this.#description = new GenericContainer(zookeeper.image)
      .withEnvironment({ ZOO_MY_ID: `${id}`, SERVER_JVMFLAGS: javaFlags(options).join(' ') })
      .withCopyContentToContainer([{ content: config, target: '/conf/zoo.cfg' }])
      .withExposedPorts({ container: clientPort, host: port })
      .withWaitStrategy(new Running());
    const peer = peers.find((other) => other.id === id);
    if (network && peer) this.#description.withNetwork(network).withNetworkAliases(peer.host);
  }

  get address(): { readonly host: string; readonly port: number } {
    const host = this.#started?.getHost() ?? 'localhost';
    return { host: host === 'localhost' ? '127.0.0.1' : host, port: this.#port };
  }

  async isRunning(): Promise<boolean> {
    return (await this.#container?.inspect())?.State.Running ?? false;
  }

  async start(): Promise<void> {
    if (this.#container !== undefined) {
      await this.#container.start();
      return;
    }
    const started = await this.#description.start();
    const id = started.getId();
    this.#started = started;
    this.#forget = reapLater({ kind: 'container', id });
    this.#container = (await dockerClient())?.container.getById(id);
  }

  async stop(): Promise<void> {
    await this.resume();
    if (await this.isRunning()) await this.#container?.stop({ t: 10 });
  }

  async kill(): Promise<void> {
    await this.resume();
    if (!(await this.isRunning())) return;
    const ended = this.#container?.wait();
    await this.#container?.kill({ signal: 'SIGKILL' });
    await ended;
  }

  async pause(): Promise<void> {
    await this.#container?.pause();
  }

  async resume(): Promise<void> {
    if ((await this.#container?.inspect())?.State.Paused) await this.#container?.unpause();
  }

  async wipe(): Promise<void> {
    await this[Symbol.asyncDispose]();
  }

  async output(): Promise<string> {
    const log = await this.#container?.logs({ stdout: true, stderr: true, tail: 40 });
    return log?.toString('utf8') ?? '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#container?.remove({ force: true, v: true });
    this.#forget?.();
    this.#container = undefined;
  }
}

/** Contents itself with a container that runs: whether the server serves is asked elsewhere, at every start alike. */
class Running extends StartupCheckStrategy {
  override async checkStartupState(client: ContainerRuntime['container']['dockerode'], id: string) {
    const { State } = await client.getContainer(id).inspect();
    return State.Running ? ('SUCCESS' as const) : ('PENDING' as const);
  }
}
