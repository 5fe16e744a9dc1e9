import { hostname } from 'node:os';
import { asData, type ZnodeData } from 'zookeeper-ts-client';

/** Options for the identity of a recipe, which other clients see. */
export interface IdentityOptions {
  /** Identity as text. Default `<host name>:<process id>`. */
  readonly id?: string | undefined;
  /** Data of the own znode. If both are given, `data` is used instead of `id`. Default: `id` as UTF-8. */
  readonly data?: ZnodeData | undefined;
}

/** Identity of a recipe. */
export interface Identity {
  /** Identity as other clients see it: the data as text; empty if the data is not text. */
  readonly id: string;
  /** Data of its znodes: a copy of the given data, because the caller may change the original. */
  readonly data: Uint8Array | null;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Returns the identity for options that have been checked. */
export function identityOf({ id, data }: IdentityOptions): Identity {
  if (data === undefined) {
    const text = id ?? `${hostname()}:${process.pid}`;
    return { id: text, data: Buffer.from(text) };
  }
  const bytes = asData(data, '`data`');
  return { id: textOf(bytes) ?? '', data: bytes === null ? null : Buffer.from(bytes) };
}

/** Returns the data of a znode as text; `null` for no data, and for data that is not text. */
export function textOf(data: Uint8Array | null): string | null {
  if (data === null || data.length === 0) return null;
  try {
    return utf8.decode(data);
  } catch {
    // Another program may write bytes that are not UTF-8.
    return null;
  }
}
