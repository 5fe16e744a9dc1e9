import type { Acl } from '../protocol/acl.js';
import { OpCode } from '../protocol/op-code.js';
import type { Operation } from '../protocol/operation.js';
import {
  type Create2Response,
  type CreateTtlRequest,
  create2,
  createContainer,
  createTtl,
} from '../protocol/operations/create.js';
import { validatePath } from '../protocol/znode-path.js';
import type { Chroot } from './chroot.js';
import { createModeTraits } from './create-mode.js';
import type { CreateOptions } from './request-options.js';
import { type Auth, openAclUnsafe } from './well-known-acls.js';

/** Data of a znode as it may be given: bytes, a string that becomes UTF-8, or `null`, which is not the same as empty. */
export type ZnodeData = Uint8Array | string | null;

const MAX_INT = 0x7fff_ffff;
const MAX_TTL_MS = 2 ** 40 - 1;

/** @throws TypeError if it is none of the three */
export function dataBytes(data: ZnodeData): Uint8Array | null {
  if (data === null || data instanceof Uint8Array) return data;
  if (typeof data === 'string') return Buffer.from(data);
  throw new TypeError(`Expected \`data\` to be a Uint8Array, a string or null, got ${typeof data}`);
}

/** Credentials as bytes. @throws TypeError if they are none */
export function authBytes({ scheme, auth }: Auth): Uint8Array {
  if (typeof scheme !== 'string') throw new TypeError(`Expected \`scheme\` to be a string, got ${typeof scheme}`);
  if (typeof auth === 'string') return Buffer.from(auth);
  if (auth instanceof Uint8Array) return auth;
  throw new TypeError(`Expected \`auth\` to be a Uint8Array or a string, got ${typeof auth}`);
}

/** @throws RangeError if it is not a whole number from -1 to 2^31-1, or the negative of one that has wrapped */
export function checkedVersion(version: number): number {
  if (!Number.isInteger(version) || version < -MAX_INT - 1 || version > MAX_INT) {
    throw new RangeError(`Expected \`version\` to be a 32-bit integer, got ${String(version)}`);
  }
  return version;
}

/** @throws TypeError if it is not a list of entries with `perms` and `id` */
export function checkedAcl(acl: readonly Acl[]): readonly Acl[] {
  if (!Array.isArray(acl)) throw new TypeError(`Expected \`acl\` to be an array, got ${typeof acl}`);
  for (const [index, entry] of acl.entries()) {
    if (!Number.isInteger(entry?.perms) || typeof entry.id?.scheme !== 'string' || typeof entry.id.id !== 'string') {
      throw new TypeError(`Expected \`acl[${index}]\` to be { perms, id: { scheme, id } }`);
    }
  }
  return acl;
}

/** What to send for a create, alone or in a `multi`. */
export function createRequest(
  path: string,
  data: ZnodeData,
  options: CreateOptions,
  chroot: Chroot,
): { readonly operation: Operation<CreateTtlRequest, Create2Response>; readonly request: CreateTtlRequest } {
  const { mode = 'PERSISTENT', acl = openAclUnsafe, ttlMs } = options;
  const { flags, opCode, sequential } = createModeTraits(mode);
  validatePath(path, '`path`', sequential);
  const withTtl = opCode === OpCode.createTTL;
  if (withTtl && (ttlMs === undefined || !Number.isInteger(ttlMs) || ttlMs < 1 || ttlMs > MAX_TTL_MS)) {
    throw new RangeError(
      `Expected \`ttlMs\` to be a whole number from 1 to ${MAX_TTL_MS} for mode ${mode}, got ${String(ttlMs)}`,
    );
  }
  if (!withTtl && ttlMs !== undefined)
    throw new TypeError(`Expected \`ttlMs\` only with a mode that has a TTL, got mode ${mode}`);
  // `/` below a chroot is the chroot itself, but a number appended to `/` is a child of it.
  const serverPath = sequential ? chroot.root + path : chroot.toServer(path);
  const request = { path: serverPath, data: dataBytes(data), acl: checkedAcl(acl), flags, ttl: ttlMs ?? 0 };
  if (withTtl) return { operation: createTtl, request };
  return { operation: opCode === OpCode.createContainer ? createContainer : create2, request };
}
