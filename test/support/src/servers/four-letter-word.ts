import { connect } from 'node:net';

/** The roles of a server in the `Mode:` line of `srvr`. */
export type ServerMode = 'standalone' | 'leader' | 'follower' | 'observer' | 'read-only';

/**
 * Asks a server by one of its four-letter administration words.
 *
 * @param port of the server on the loopback address, or `host:port`, with an address of IPv6 in brackets
 * @param word for example `srvr`, `ruok`, `mntr`, `cons`
 * @returns the whole answer, up to the end of the connection
 * @throws Error when the server refuses, breaks the connection, or stays silent for two seconds (a paused one does)
 * @see https://zookeeper.apache.org/doc/r3.9.3/zookeeperAdmin.html#sc_4lw
 */
export function fourLetterWord(port: number | string, word: string): Promise<string> {
  const [host, number] = typeof port === 'number' ? ['127.0.0.1', port] : splitAddress(port);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: number });
    const chunks: Buffer[] = [];
    socket.setTimeout(2_000, () => socket.destroy(new Error(`No answer to ${word} from ${host}:${number} in 2 s`)));
    socket.on('connect', () => socket.write(word));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('utf8')));
  });
}

/** What a server that serves clients says about itself. */
export interface ServerStatus {
  readonly mode: ServerMode;
  /** The last transaction it knows; its upper half is the epoch of the leader. */
  readonly zxid: bigint;
}

/**
 * The role in which a server serves now, and how far it has come.
 *
 * @returns `undefined` while it serves nobody, as a server of an ensemble without a leader does
 */
export async function serverStatus(port: number | string): Promise<ServerStatus | undefined> {
  const answer = await fourLetterWord(port, 'srvr');
  const mode = /^Mode: (\S+)$/m.exec(answer)?.[1] as ServerMode | undefined;
  const zxid = /^Zxid: (\S+)$/m.exec(answer)?.[1];
  return mode && { mode, zxid: BigInt(zxid ?? 0) };
}

function splitAddress(address: string): [host: string, port: number] {
  const colon = address.lastIndexOf(':');
  return [address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), Number(address.slice(colon + 1))];
}
