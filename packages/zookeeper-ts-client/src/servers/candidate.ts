import { formatServer, type ServerAddress } from './connect-string.js';

/**
 * An address of a server. `host` and `port` are as configured. They identify the server for `updateServerList`, for `ZooKeeper.server` and
 * for the names in certificates.
 */
export interface Candidate extends ServerAddress {
  /** IP address to connect to; equals `host` when the connect string has an IP address. */
  readonly address: string;
}

/** Formats a server as configured, with the address when that differs from the host: `zk.example.org:2181 (10.0.0.7)`. */
export function formatCandidate(server: ServerAddress | Candidate): string {
  const configured = formatServer(server);
  return 'address' in server && server.address !== server.host ? `${configured} (${server.address})` : configured;
}
