/** Number of bytes by which a protocol is recognized. */
export const GREETING_BYTES = 8;

/** Protocols that answer on a port that was taken for ZooKeeper's, by their first bytes, and what may help. */
const protocols: readonly { readonly start: string; readonly advice: string }[] = [
  { start: 'HTTP', advice: 'the server answered in HTTP: is this the port of its AdminServer, or of a proxy?' },
  { start: '\u0015\u0003', advice: 'the server answered in TLS: this port wants a client with TLS' },
  { start: 'SSH-', advice: 'the server answered in SSH: this is not a port of ZooKeeper' },
];

/**
 * Recognizes a server that does not speak ZooKeeper's protocol.
 *
 * @param greeting the first bytes that the server sent; `null` when it sent none
 * @returns what it speaks and what may help; `null` when it is not recognized
 */
export function foreignProtocol(greeting: Buffer | null): string | null {
  const text = greeting?.toString('latin1') ?? '';
  return protocols.find(({ start }) => text.startsWith(start))?.advice ?? null;
}
