import { TlsError } from '../errors/errors.js';

/** Number of first bytes from which the client recognizes a protocol. */
export const GREETING_BYTES = 8;

interface Protocol {
  readonly start: string;
  readonly advice: string;
  readonly isTls?: true;
}

/** Protocols that may answer on a port that was configured as ZooKeeper's: their first bytes, and advice. */
const protocols: readonly Protocol[] = [
  { start: 'HTTP', advice: 'the server answered in HTTP: is this the port of its AdminServer, or of a proxy?' },
  { start: '\u0015\u0003', advice: 'the server answered in TLS: this port wants a client with TLS', isTls: true },
  { start: 'SSH-', advice: 'the server answered in SSH: this is not a port of ZooKeeper' },
];

/**
 * Recognizes a server that does not speak ZooKeeper's protocol.
 *
 * @param greeting the first bytes that the server sent; `null` when the server sent none
 * @param cause why the client could not read the server's bytes
 * @returns an error with the server's protocol and advice; `null` when the protocol is not recognized
 */
export function foreignProtocol(greeting: Buffer | null, cause: Error): Error | null {
  const text = greeting?.toString('latin1') ?? '';
  const found = protocols.find(({ start }) => text.startsWith(start));
  if (found === undefined) return null;
  return found.isTls ? new TlsError('required', found.advice, { cause }) : new Error(found.advice, { cause });
}
