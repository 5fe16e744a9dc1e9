import type { ContainerRuntimeClient } from 'testcontainers';

/** A Docker engine that answers, with a ZooKeeper image in it. */
export interface DockerZooKeeper {
  readonly kind: 'docker';
  /** Name of the image, as in `ZOOKEEPER_IMAGE`. */
  readonly image: string;
}

/** The longest a download of the image may take before another way is tried, in milliseconds. */
const pullTimeoutMs = 180_000;

/**
 * Looks for a Docker engine and for the image named by `ZOOKEEPER_IMAGE` (`zookeeper:3.9` by default) in it; an image
 * that is not there is pulled.
 *
 * @returns what was found, or a sentence why there is none
 */
export async function findDockerZooKeeper(): Promise<DockerZooKeeper | string> {
  const image = process.env['ZOOKEEPER_IMAGE'] || 'zookeeper:3.9';
  const client = await dockerClient();
  if (client === undefined) return 'no Docker engine answers';
  const { ImageName } = await import('testcontainers');
  const name = ImageName.fromString(image);
  if (await client.image.exists(name)) return { kind: 'docker', image };
  try {
    await withinTime(client.image.pull(name), pullTimeoutMs);
  } catch (error) {
    return `a Docker engine answers, but it can neither find nor pull ${image} (${firstLine(error)})`;
  }
  return (await client.image.exists(name))
    ? { kind: 'docker', image }
    : `a Docker engine answers, but pulling ${image} failed`;
}

/** The connection of testcontainers to the engine; `undefined` when none answers. */
export async function dockerClient(): Promise<ContainerRuntimeClient | undefined> {
  // Containers are removed by the reaper of these tests: an image for one more container need not be had.
  process.env['TESTCONTAINERS_RYUK_DISABLED'] ??= 'true';
  const { getContainerRuntimeClient } = await import('testcontainers');
  try {
    return await getContainerRuntimeClient();
  } catch {
    return undefined;
  }
}

function withinTime<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not done in ${timeoutMs} ms`)), timeoutMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0] ?? '';
}
