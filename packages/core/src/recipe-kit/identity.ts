import { hostname } from 'node:os';
import { asData, type ZnodeData } from 'zookeeper-ts-client';

/** How a recipe names itself to others. */
export interface IdentityOptions {
  /** Who it is, for others to see, as text. Default `<host name>:<process id>`. */
  readonly id?: string | undefined;
  /** What the own znode holds, instead of `id`: where both are given, `data` wins. Default: `id` as UTF-8. */
  readonly data?: ZnodeData | undefined;
}

/** Who a recipe is. */
export interface Identity {
  /** As others see it: the data as text; empty where it is none. */
  readonly id: string;
  /** What its znodes hold: a copy of what was given, which the caller may change. */
  readonly data: Uint8Array | null;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Who a recipe is by its options, which have been checked. */
export function identityOf({ id, data }: IdentityOptions): Identity {
  if (data === undefined) {
    const text = id ?? `${hostname()}:${process.pid}`;
    return { id: text, data: Buffer.from(text) };
  }
  const bytes = asData(data, '`data`');
  return { id: textOf(bytes) ?? '', data: bytes === null ? null : Buffer.from(bytes) };
}

/** The text that a znode holds; `null` for nothing, and for what is no text. */
export function textOf(data: Uint8Array | null): string | null {
  if (data === null || data.length === 0) return null;
  try {
    return utf8.decode(data);
  } catch {
    // Bytes of another program are no name.
    return null;
  }
}
