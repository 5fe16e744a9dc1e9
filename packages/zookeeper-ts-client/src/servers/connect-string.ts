import { received } from '../checks/received.js';
import { validatePath } from '../protocol/znode-path.js';

/** ZooKeeper's port for clients. */
const DEFAULT_PORT = 2181;

/** A server as the connect string names it. The host is an IP address, or a name, which may have several addresses. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** The parts of a connect string. */
export interface ConnectString {
  readonly servers: readonly ServerAddress[];
  /** `''` when there is no chroot; otherwise a path that begins with `/`. */
  readonly chroot: string;
}

/**
 * Parses `host[:port],host[:port],…[/chroot]`. The default port is 2181. IPv6 addresses are in brackets. Blanks at both ends of the string
 * and around a server are ignored. A chroot must not contain a comma, because the text after a comma looks like a second server behind the
 * chroot.
 *
 * @throws {TypeError} when the value is not a string, has a scheme, or has no server
 * @throws {TypeError} when a host is not valid, a port is not a number from 1 to 65535, or the chroot is not a valid path
 */
export function parseConnectString(connectString: string): ConnectString {
  if (typeof connectString !== 'string')
    throw new TypeError(`Expected a connect string, got ${received(connectString)}`);
  const text = connectString.trim();
  if (text.includes('://')) {
    throw new TypeError(
      `Expected a connect string without a scheme, such as 'zk1:2181,zk2:2181/app', got ${received(text)}`,
    );
  }
  const slash = text.indexOf('/');
  const hosts = slash < 0 ? text : text.slice(0, slash);
  const chroot = slash < 0 ? '' : text.slice(slash);
  if (chroot.includes(',')) {
    throw new TypeError(
      `Expected one chroot, behind all servers, such as 'zk1:2181,zk2:2181/app', got ${received(text)}`,
    );
  }
  if (chroot.length > 1) validatePath(chroot, 'the chroot of the connect string');
  const servers = hosts
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseServer);
  if (servers.length === 0)
    throw new TypeError(`Expected at least one 'host:port' in the connect string, got ${received(connectString)}`);
  return { servers, chroot: chroot === '/' ? '' : chroot };
}

function parseServer(text: string): ServerAddress {
  const match = /^(?:\[([^\]]+)\]|([^:[\]\s;?#@]+))(?::(\d*))?$/.exec(text);
  if (match === null) throw new TypeError(`Expected 'host:port' in the connect string, got '${text}'`);
  const [, ipv6, name, portText] = match;
  const port = portText === undefined || portText === '' ? DEFAULT_PORT : Number(portText);
  if (port < 1 || port > 65_535)
    throw new TypeError(`Expected a port from 1 to 65535 in the connect string, got '${text}'`);
  return { host: ipv6 ?? name ?? '', port };
}

/** Formats a server as `host:port`, with IPv6 addresses in brackets. */
export function formatServer({ host, port }: ServerAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
