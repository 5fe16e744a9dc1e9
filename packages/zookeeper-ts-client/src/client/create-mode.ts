import { received } from '../checks/received.js';
import { OpCode } from '../protocol/op-code.js';

/**
 * Kinds of znodes.
 *
 * @see org.apache.zookeeper.CreateMode
 */
export const CreateMode = {
  /** Znode that exists until it is deleted. */
  PERSISTENT: 'PERSISTENT',
  /** Znode that exists until it is deleted; the server appends a ten-digit sequence number to its name. */
  PERSISTENT_SEQUENTIAL: 'PERSISTENT_SEQUENTIAL',
  /** Znode that the server deletes when the session that created it ends. */
  EPHEMERAL: 'EPHEMERAL',
  /**
   * Znode that the server deletes when the session that created it ends; the server appends a ten-digit sequence number to its name.
   */
  EPHEMERAL_SEQUENTIAL: 'EPHEMERAL_SEQUENTIAL',
  /** Znode that the server deletes some time after its last child is deleted. Requires servers from 3.5.1. */
  CONTAINER: 'CONTAINER',
  /**
   * Znode that the server deletes when it has no children and was not changed for its TTL. Requires servers from 3.5.3 with extended
   * types enabled.
   */
  PERSISTENT_WITH_TTL: 'PERSISTENT_WITH_TTL',
  /** Znode with a sequence number and a TTL; combines `PERSISTENT_SEQUENTIAL` and `PERSISTENT_WITH_TTL`. */
  PERSISTENT_SEQUENTIAL_WITH_TTL: 'PERSISTENT_SEQUENTIAL_WITH_TTL',
} as const;

/** Name of a kind of znodes. */
export type CreateMode = keyof typeof CreateMode;

/** Wire form of a mode. */
export interface CreateModeTraits {
  readonly flags: number;
  readonly opCode: typeof OpCode.create2 | typeof OpCode.createContainer | typeof OpCode.createTTL;
  readonly sequential: boolean;
}

const traits: Readonly<Record<CreateMode, CreateModeTraits>> = {
  PERSISTENT: { flags: 0, opCode: OpCode.create2, sequential: false },
  EPHEMERAL: { flags: 1, opCode: OpCode.create2, sequential: false },
  PERSISTENT_SEQUENTIAL: { flags: 2, opCode: OpCode.create2, sequential: true },
  EPHEMERAL_SEQUENTIAL: { flags: 3, opCode: OpCode.create2, sequential: true },
  CONTAINER: { flags: 4, opCode: OpCode.createContainer, sequential: false },
  PERSISTENT_WITH_TTL: { flags: 5, opCode: OpCode.createTTL, sequential: false },
  PERSISTENT_SEQUENTIAL_WITH_TTL: { flags: 6, opCode: OpCode.createTTL, sequential: true },
};

/**
 * Returns the wire form of a mode.
 *
 * @throws {TypeError} when the mode does not exist
 */
export function createModeTraits(mode: CreateMode): CreateModeTraits {
  if (!Object.hasOwn(traits, mode)) {
    throw new TypeError(`Expected \`mode\` to be one of ${Object.keys(traits).join(', ')}, got ${received(mode)}`);
  }
  return traits[mode];
}
