// Real ZooKeeper servers

export { JavaPeer } from './java/java-peer.js';
// Programs in Java
export { findJavaTools, type JavaTools } from './java/java-tools.js';
// A network to break
export { type Direction, TcpProxy } from './network/tcp-proxy.js';
export type { FaultOptions } from './network/wire-faults.js';
export type { RequestMatch, WireRequest } from './network/wire-request.js';
// Programs that take part in a test
export { type PeerMessage, PeerProcess } from './peer-process.js';
// Certificates for TLS
export { type Certificate, type CertificateOptions, Certificates } from './servers/certificates.js';
export { fourLetterWord, type ServerMode, type ServerStatus, serverStatus } from './servers/four-letter-word.js';
export { freePort } from './servers/free-port.js';
export { type PostgresOptions, type PostgresServer, startPostgres } from './servers/postgres.js';
export { findPostgres, type PostgresTools } from './servers/postgres-tools.js';
export type { ServerOptions } from './servers/server-options.js';
export { describeSource, findServerSource, type OwnServers, type ServerSource } from './servers/server-source.js';
export { type EnsembleOptions, startEnsemble, startStandalone } from './servers/start-servers.js';
export { ZooKeeperEnsemble } from './servers/zookeeper-ensemble.js';
export { ZooKeeperServer } from './servers/zookeeper-server.js';
// Waiting for what announces itself by no event
export { type UntilOptions, until } from './until.js';
