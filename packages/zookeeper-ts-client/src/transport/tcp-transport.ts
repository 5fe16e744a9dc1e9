import { connect } from 'node:net';
import { type Candidate, formatCandidate } from '../servers/candidate.js';
import type { OpenTransport, Transport, TransportHandlers } from './transport.js';

/**
 * Size in bytes of the one buffer into which a socket reads. By default, a stream allocates a new buffer of this size for each read and
 * cuts the buffer down to the few bytes received. That allocation costs more than all the processing of the bytes.
 */
const READ_BYTES = 64 * 1024;

/** Opens a TCP connection without Nagle's delay: requests are small, and a caller waits for each request. */
export const openTcpTransport: OpenTransport = (candidate: Candidate, handlers: TransportHandlers): Transport => {
  const onread = {
    buffer: Buffer.allocUnsafeSlow(READ_BYTES),
    callback: (length: number, bytes: Uint8Array): boolean => {
      handlers.onData((bytes as Buffer).subarray(0, length));
      return true;
    },
  };
  const socket = connect({ host: candidate.address, port: candidate.port, noDelay: true, onread });
  let failure: Error | null = null;
  let reported = false;

  const report = (): void => {
    if (reported) return;
    reported = true;
    handlers.onClose(failure ?? new Error(`${formatCandidate(candidate)} closed the connection`));
  };
  socket.on('connect', () => handlers.onOpen());
  socket.on('drain', () => handlers.onDrain());
  socket.on('error', (error) => {
    failure = error;
  });
  // A half-closed connection is of no use, because the server sends nothing any more.
  socket.on('end', () => socket.destroy());
  socket.on('close', report);

  return {
    write: (bytes) => socket.write(bytes),
    destroy: () => {
      reported = true;
      socket.destroy();
    },
  };
};
