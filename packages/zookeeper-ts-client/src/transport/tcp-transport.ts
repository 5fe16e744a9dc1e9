import { connect } from 'node:net';
import { formatServer, type ServerAddress } from '../ensemble/connect-string.js';
import type { OpenTransport, Transport, TransportHandlers } from './transport.js';

/** Opens a TCP connection without Nagle's delay: requests are small and somebody waits for each. */
export const openTcpTransport: OpenTransport = (server: ServerAddress, handlers: TransportHandlers): Transport => {
  const socket = connect({ host: server.host, port: server.port, noDelay: true });
  let failure: Error | null = null;
  let reported = false;

  const report = (): void => {
    if (reported) return;
    reported = true;
    handlers.onClose(failure ?? new Error(`${formatServer(server)} closed the connection`));
  };
  socket.on('connect', () => handlers.onOpen());
  socket.on('data', (chunk) => handlers.onData(chunk));
  socket.on('drain', () => handlers.onDrain());
  socket.on('error', (error) => {
    failure = error;
  });
  // A half-closed connection is of no use: the server says nothing any more.
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
