/** How one process of the service is set up. */
export interface Settings {
  /** Who it is, for the others and for people. */
  readonly name: string;
  /** `host:port,host:port/chroot` of ZooKeeper. */
  readonly connectString: string;
  /** Below which all znodes of the service are. */
  readonly namespace: string;
  /** Asked for; the server may grant another. */
  readonly sessionTimeoutMs: number;
  /** TCP port of the HTTP server; 0 for any. */
  readonly port: number;
  /** File of the journal. */
  readonly journalPath: string;
  /** Length of a billing period. */
  readonly periodMs: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the settings from environment variables. */
export function readSettings(env: Environment): Settings {
  const name = env['SERVICE_NAME'] || `billing-${process.pid}`;
  return {
    name,
    connectString: env['ZOOKEEPER_CONNECT'] || '127.0.0.1:2181',
    namespace: env['SERVICE_NAMESPACE'] || 'billing',
    sessionTimeoutMs: wholeNumber(env, 'SESSION_TIMEOUT_MS', 10_000),
    port: wholeNumber(env, 'PORT', 8080),
    journalPath: env['JOURNAL'] || `${name}.journal`,
    periodMs: wholeNumber(env, 'PERIOD_MS', 1_000),
  };
}

function wholeNumber(env: Environment, name: string, byDefault: number): number {
  const text = env[name];
  if (text === undefined || text === '') return byDefault;
  if (!/^\d+$/.test(text)) throw new RangeError(`Expected ${name} to be a whole number, got '${text}'`);
  return Number(text);
}
