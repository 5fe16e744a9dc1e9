/** Bytes of records as no codec of the client writes them: null strings, negative lengths, fields that are missing. */

/** jute `int`. */
export function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** jute `long`. */
export function long(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

/** jute `boolean`. */
export function boolean(value: boolean): Buffer {
  return Buffer.from([value ? 1 : 0]);
}

/** jute `ustring` or `buffer`: `null` has the length -1, a number is sent as a length with nothing behind it. */
export function bytes(value: string | Uint8Array | number | null): Buffer {
  if (value === null) return int(-1);
  if (typeof value === 'number') return int(value);
  const content = Buffer.from(value as Uint8Array);
  return Buffer.concat([int(content.length), content]);
}

/** jute `vector`: `null` has the count -1, a number is sent as a count with nothing behind it. */
export function vector(elements: readonly Buffer[] | number | null): Buffer {
  if (elements === null) return int(-1);
  if (typeof elements === 'number') return int(elements);
  return Buffer.concat([int(elements.length), ...elements]);
}

/** Fields one behind the other. */
export function record(...fields: readonly Buffer[]): Buffer {
  return Buffer.concat(fields);
}

/** An entry of an ACL. */
export function aclEntry(scheme: string | null, id: string | null, perms = 31): Buffer {
  return record(int(perms), bytes(scheme), bytes(id));
}

/** An operation of a `multi`, with its header. */
export function multiItem(type: number, request: Buffer): Buffer {
  return record(int(type), boolean(false), int(-1), request);
}

/** The mark behind the last operation of a `multi`. */
export const MULTI_END: Buffer = record(int(-1), boolean(true), int(-1));
