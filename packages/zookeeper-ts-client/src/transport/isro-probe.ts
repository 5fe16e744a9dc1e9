import type { Candidate } from '../servers/candidate.js';
import type { OpenTransport, Transport } from './transport.js';

/**
 * Asks a server by the four-letter word `isro` whether the server takes writes. Any answer but `rw` means no, and so does a failed
 * connection. The probe has no time limit: its caller destroys the probe of a silent server.
 */
export function probeReadWrite(
  open: OpenTransport,
  candidate: Candidate,
  done: (readWrite: boolean) => void,
): Transport {
  let answer = '';
  const transport: Transport = open(candidate, {
    onOpen: () => void transport.write(Buffer.from('isro')),
    onData: (chunk) => {
      answer += chunk.toString('latin1');
      if (answer.length < 2) return;
      transport.destroy();
      done(answer.startsWith('rw'));
    },
    onDrain: () => {},
    onClose: () => done(false),
  });
  return transport;
}
