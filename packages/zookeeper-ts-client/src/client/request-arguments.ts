import { types } from 'node:util';
import { asData } from '../checks/as-bytes.js';
import { received } from '../checks/received.js';
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
import { type CreateModeTraits, createModeTraits } from './create-mode.js';
import type { CreateOptions } from './request-options.js';
import { type Auth, openAclUnsafe } from './well-known-acls.js';

/** Data of a znode as the caller passes it: bytes, a string that is sent as UTF-8, or `null`. `null` is not the same as empty data. */
export type ZnodeData = Uint8Array | string | null;

const MAX_INT = 0x7fff_ffff;
const MAX_TTL_MS = 2 ** 40 - 1;

/**
 * Converts credentials to bytes.
 *
 * @throws {TypeError} when the scheme or the credentials have the wrong type
 */
export function authBytes({ scheme, auth }: Auth): Uint8Array {
  if (typeof scheme !== 'string') throw new TypeError(`Expected \`scheme\` to be a string, got ${received(scheme)}`);
  if (typeof auth === 'string') return Buffer.from(auth);
  if (types.isUint8Array(auth)) return auth;
  throw new TypeError(`Expected \`auth\` to be a Uint8Array or a string, got ${received(auth, true)}`);
}

/**
 * Checks an expected version. Versions wrap at 32 bits, so negative versions are valid.
 *
 * @throws {RangeError} when the version is not a signed 32-bit integer
 */
export function checkedVersion(version: number): number {
  if (!Number.isInteger(version) || version < -MAX_INT - 1 || version > MAX_INT) {
    throw new RangeError(`Expected \`version\` to be a 32-bit integer, got ${received(version)}`);
  }
  return version;
}

/**
 * Checks an ACL.
 *
 * @throws {TypeError} when the ACL is not a list of entries with `perms` and `id`
 */
export function checkedAcl(acl: readonly Acl[]): readonly Acl[] {
  if (!Array.isArray(acl)) throw new TypeError(`Expected \`acl\` to be an array, got ${received(acl)}`);
  for (const [index, entry] of acl.entries()) {
    if (!Number.isInteger(entry?.perms) || typeof entry.id?.scheme !== 'string' || typeof entry.id.id !== 'string') {
      throw new TypeError(`Expected \`acl[${index}]\` to be { perms, id: { scheme, id } }, got ${received(entry)}`);
    }
  }
  return acl;
}

/**
 * Checks the options with which a znode is created.
 *
 * @returns the wire form of the mode
 * @throws {TypeError} when the mode is unknown, the ACL is wrong, or a TTL is given for a mode without a TTL
 * @throws {RangeError} when the TTL is out of range
 */
export function checkedCreate({ mode = 'PERSISTENT', acl, ttlMs }: CreateOptions): CreateModeTraits {
  const traits = createModeTraits(mode);
  if (acl !== undefined) checkedAcl(acl);
  const withTtl = traits.opCode === OpCode.createTTL;
  if (withTtl && (ttlMs === undefined || !Number.isInteger(ttlMs) || ttlMs < 1 || ttlMs > MAX_TTL_MS)) {
    throw new RangeError(
      `Expected \`ttlMs\` to be a whole number from 1 to ${MAX_TTL_MS} for mode ${mode}, got ${received(ttlMs)}`,
    );
  }
  if (!withTtl && ttlMs !== undefined)
    throw new TypeError(`Expected \`ttlMs\` only with a mode that has a TTL, got mode ${mode}`);
  return traits;
}

/** Builds the request of a create, alone or in a `multi`. */
export function createRequest(
  path: string,
  data: ZnodeData,
  options: CreateOptions,
  chroot: Chroot,
): { readonly operation: Operation<CreateTtlRequest, Create2Response>; readonly request: CreateTtlRequest } {
  const { acl = openAclUnsafe, ttlMs = 0 } = options;
  const { flags, opCode, sequential } = checkedCreate(options);
  validatePath(path, '`path`', sequential);
  // `/` below a chroot is the chroot itself, but `/` with a sequence number is a child of the chroot.
  const serverPath = sequential ? chroot.root + path : chroot.toServer(path);
  const request = { path: serverPath, data: asData(data, '`data`'), acl, flags, ttl: ttlMs };
  if (opCode === OpCode.createTTL) return { operation: createTtl, request };
  return { operation: opCode === OpCode.createContainer ? createContainer : create2, request };
}
